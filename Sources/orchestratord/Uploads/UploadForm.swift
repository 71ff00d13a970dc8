import Activities
import Cryptography
import HTTP
import Workflows

/// The texts that come with a file.
struct UploadForm: Sendable, Equatable, Codable {
  var title: String?
  var language: String?
  var tags: [String] = []
  var lyrics: String?
  /// Accounts of the other artists; nil when none are named.
  var secondaryArtistIDs: [String]?

  /// The names of the fields beside `file`.
  static let names = ["title", "language", "tags", "lyrics", "secondaryArtistIds"]

  /// Reads the fields in the order they came; `tags` and `secondaryArtistIds` may come several times and may list several, separated by commas.
  ///
  /// - Throws: `APIProblem`: 400 for an unknown or repeated field, 422 for a bad value. An empty field counts as left out.
  init(_ fields: [(name: String, value: String)]) throws {
    var seen: Set<String> = []
    var (tags, artists): ([String], [String]) = ([], [])
    for (name, value) in fields {
      try Self.check(name)
      guard ["tags", "secondaryArtistIds"].contains(name) || seen.insert(name).inserted else {
        throw APIProblem.invalid("repeated-field", "The field \"\(name)\" came twice.")
      }
      let isEmpty = value.allSatisfy(\.isWhitespace)
      switch name {
      case "title": title = isEmpty ? nil : try TrackTexts.title(value)
      case "language": language = isEmpty ? nil : try TrackTexts.language(value)
      case "lyrics": lyrics = try TrackTexts.lyrics(value)
      case "secondaryArtistIds": artists += value.split(separator: ",").map(String.init)
      default: tags += value.split(separator: ",").map(String.init)
      }
    }
    self.tags = try TrackTexts.tags(tags)
    if !artists.isEmpty { secondaryArtistIDs = try TrackTexts.artists(artists) }
  }

  /// - Throws: `APIProblem` 400 for a field that is not known.
  static func check(_ name: String) throws {
    guard names.contains(name) else {
      throw APIProblem.invalid(
        "unknown-field", "The field \"\(name.prefix(100))\" is not known here; known are file, \(names.joined(separator: ", ")).")
    }
  }

  /// SHA-256 over the file's digest and every field: what must be the same for a request to count as repeated.
  func fingerprint(fileDigest: [UInt8], type: MediaType) -> [UInt8] {
    let parts = [type.rawValue, title ?? "", language ?? "", lyrics ?? ""] + tags + (secondaryArtistIDs ?? []).map { "artist \($0)" }
    // Lengths stand before the values, so that no two different forms give the same bytes.
    return Digest.sha256(fileDigest + parts.flatMap { Array("\($0.utf8.count):\($0)".utf8) })
  }
}

extension MediaType {
  /// Clients that know no better send every file as bytes without a type: then its name tells.
  ///
  /// - Throws: `MediaError` when it is none of the types that are taken.
  init(declared: String?, fileName: String?) throws {
    let isVague = declared.map { $0.isEmpty || $0.lowercased().hasPrefix("application/octet-stream") } ?? true
    if isVague, let named = fileName.flatMap(MediaType.init(fileName:)) {
      self = named
    } else {
      self = try MediaType(declared: declared ?? "none")
    }
  }
}
