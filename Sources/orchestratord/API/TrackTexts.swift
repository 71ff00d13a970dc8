import Foundation
import HTTP

/// The texts that people give a track: trimmed, in normal form, without control characters, and bounded as the database bounds them.
enum TrackTexts {
  static let titleCharacters = 300
  static let tagCharacters = 50
  static let tagCount = 20
  static let reasonCharacters = 2000
  static let lyricsBytes = 64 * 1024

  static func title(_ text: String) throws -> String {
    let clean = try line("title", text, limit: titleCharacters)
    guard !clean.isEmpty else { throw APIProblem.invalidField("title", "must not be empty") }
    return clean
  }

  /// Each once, in the order given.
  static func tags(_ texts: [String]) throws -> [String] {
    var tags: [String] = []
    for text in texts {
      let tag = try line("tags", text, limit: tagCharacters)
      if !tag.isEmpty && !tags.contains(tag) { tags.append(tag) }
    }
    guard tags.count <= tagCount else { throw APIProblem.invalidField("tags", "has more than \(tagCount) entries") }
    return tags
  }

  static func reason(_ text: String) throws -> String? {
    let clean = try paragraphs("reason", text)
    guard clean.count <= reasonCharacters else { throw APIProblem.invalidField("reason", "has more than \(reasonCharacters) characters") }
    return clean.isEmpty ? nil : clean
  }

  /// A language tag by the shape of BCP 47, for example `en` or `pt-BR`.
  static func language(_ text: String) throws -> String {
    let clean = try line("language", text, limit: 35)
    guard clean.wholeMatch(of: /[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*/) != nil else {
      throw APIProblem.invalidField("language", "must be a language tag such as \"en\" or \"pt-BR\"")
    }
    return clean
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
