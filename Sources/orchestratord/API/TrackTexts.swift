import Foundation
import HTTP

/// The texts that people give a track: trimmed, in normal form, without control characters, and bounded as the database bounds them.
enum TrackTexts {
  static let titleCharacters = 300
  static let tagCharacters = 50
  static let tagCount = 20
  static let artistCount = 20
  static let reasonCharacters = 2000
  static let lyricsBytes = 64 * 1024

  static func title(_ text: String) throws -> String {
    let clean = try line("title", text, limit: titleCharacters)
    guard !clean.isEmpty else { throw APIProblem.invalidField("title", "must not be empty") }
    return clean
  }

  /// Each once whatever its letter case, in the order given: letters, digits, spaces and what joins words.
  static func tags(_ texts: [String]) throws -> [String] {
    var tags: [String] = []
    for text in texts {
      let tag = try line("tags", text, limit: tagCharacters)
      guard tag.unicodeScalars.allSatisfy(isOfTag) else {
        throw APIProblem.invalidField("tags", "may hold letters, digits, spaces and - _ ' & + # ! / . only")
      }
      if !tag.isEmpty && !tags.contains(where: { $0.lowercased() == tag.lowercased() }) { tags.append(tag) }
    }
    guard tags.count <= tagCount else { throw APIProblem.invalidField("tags", "has more than \(tagCount) entries") }
    return tags
  }

  private static func isOfTag(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark, .spacingMark,
      .decimalNumber:
      true
    default: " -_'\u{2019}&+#!/.".unicodeScalars.contains(scalar)
    }
  }

  /// Names of accounts, each once, in the order given.
  static func artists(_ texts: [String]) throws -> [String] {
    var artists: [String] = []
    for text in texts {
      guard let id = UUID(uuidString: text.trimmingCharacters(in: .whitespaces))?.uuidString.lowercased() else {
        throw APIProblem.invalidField("secondaryArtistIds", "must be the ids of accounts")
      }
      if !artists.contains(id) { artists.append(id) }
    }
    guard artists.count <= artistCount else { throw APIProblem.invalidField("secondaryArtistIds", "has more than \(artistCount) entries") }
    return artists
  }

  static func reason(_ text: String) throws -> String? {
    let clean = try paragraphs("reason", text)
    guard clean.count <= reasonCharacters else { throw APIProblem.invalidField("reason", "has more than \(reasonCharacters) characters") }
    return clean.isEmpty ? nil : clean
  }

  /// A language tag of BCP 47, for example `en` or `pt-BR`.
  static func language(_ text: String) throws -> String {
    guard let tag = LanguageTag(try line("language", text, limit: LanguageTag.bytes)) else {
      throw APIProblem.invalidField("language", "must be a language tag such as \"en\" or \"pt-BR\"")
    }
    return tag.text
  }

  /// Nil when there are none.
  static func lyrics(_ text: String) throws -> String? {
    let clean = try paragraphs("lyrics", text)
    guard clean.utf8.count <= lyricsBytes else { throw APIProblem.invalidField("lyrics", "has more than \(lyricsBytes) bytes") }
    return clean.isEmpty ? nil : clean
  }

  /// The last part of what a client calls its file: for people to read, never a path. Nil for none.
  static func fileName(_ text: String?) -> String? {
    guard let last = text?.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last else { return nil }
    let clean = String(last.unicodeScalars.filter { !isControl($0) }.prefix(255).map(Character.init)).trimmingCharacters(in: .whitespaces)
    return clean.isEmpty ? nil : clean
  }

  private static func line(_ field: String, _ text: String, limit: Int) throws -> String {
    guard !text.unicodeScalars.contains(where: isControl) else { throw APIProblem.invalidField(field, "holds control characters") }
    let clean = text.precomposedStringWithCanonicalMapping.trimmingCharacters(in: .whitespacesAndNewlines)
    guard clean.unicodeScalars.count <= limit else { throw APIProblem.invalidField(field, "has more than \(limit) characters") }
    return clean
  }

  private static func paragraphs(_ field: String, _ text: String) throws -> String {
    let unified = text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
    guard !unified.unicodeScalars.contains(where: { isControl($0) && $0 != "\n" && $0 != "\t" }) else {
      throw APIProblem.invalidField(field, "holds control characters")
    }
    return unified.precomposedStringWithCanonicalMapping.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .control }
}
