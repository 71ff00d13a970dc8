import Foundation

/// The one audio of a generateContent request, still to be fetched or already there.
enum AudioPart: Sendable {
  case url(String, MediaType)
  case bytes(Data, MediaType)

  init(in parts: [GenerateContentPart]) throws(GoogleError) {
    let audio = parts.filter { $0.fileData != nil || $0.inlineData != nil }
    guard audio.count == 1, let part = audio.first else {
      throw .invalidArgument("The request has \(audio.count) audio parts. Send exactly one, as fileData or inlineData.")
    }
    let type = try Self.mediaType(part.fileData?.mimeType ?? part.inlineData?.mimeType)
    if let file = part.fileData {
      let scheme = file.fileUri.prefix { $0 != ":" }.lowercased()
      guard scheme == "http" || scheme == "https" else { throw .invalidArgument("The fileUri must be an http or https address.") }
      self = .url(file.fileUri, type)
    } else {
      guard let bytes = part.inlineData.flatMap({ Self.decodedBase64($0.data) }) else {
        throw .invalidArgument("The inlineData is not valid base64.")
      }
      self = .bytes(bytes, type)
    }
  }

  private static func mediaType(_ name: String?) throws(GoogleError) -> MediaType {
    guard let name else { throw .invalidArgument("The audio part has no mimeType.") }
    do {
      return try MediaType(declared: name)
    } catch {
      throw .invalidArgument("Unsupported MIME type: \(GeminiResponse.plain(name))")
    }
  }

  /// Clients send both alphabets of RFC 4648, some without padding.
  private static func decodedBase64(_ text: String) -> Data? {
    var standard = text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "-"): UInt8(ascii: "+")
      case UInt8(ascii: "_"): UInt8(ascii: "/")
      default: byte
      }
    }
    standard.append(contentsOf: repeatElement(UInt8(ascii: "="), count: (4 - standard.count % 4) % 4))
    return Data(base64Encoded: Data(standard))
  }
}
