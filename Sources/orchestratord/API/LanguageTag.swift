import Foundation

/// A language tag of BCP 47 (RFC 5646 section 2.1), in the letter case of its section 2.1.1: `pt-BR`, `zh-Hant-TW`, `de-CH-1996`.
struct LanguageTag {
  static let bytes = 35
  let text: String

  /// Nil for a text that is not well formed, and for languages and regions of two letters that ISO 639-1 and ISO 3166-1 do not know.
  init?(_ text: String) {
    let subtags = text.lowercased().split(separator: "-", omittingEmptySubsequences: false)
    guard text.utf8.count <= Self.bytes, subtags.allSatisfy({ (1...8).contains($0.count) && $0.utf8.allSatisfy(Self.isAlphanumeric) })
    else { return nil }
    var reading = Reading(rest: subtags[...])
    guard reading.language(), reading.variants(), reading.extensions(), reading.rest.isEmpty else { return nil }
    self.text = reading.written.joined(separator: "-")
  }

  private struct Reading {
    var rest: ArraySlice<Substring>
    var written: [String] = []

    /// `language ["-" script] ["-" region]`
    mutating func language() -> Bool {
      guard let primary = take(where: { (2...3).contains($0.count) && LanguageTag.isLetters($0) }) else { return false }
      guard primary.count == 3 || Locale.LanguageCode(String(primary)).isISOLanguage else { return false }
      write(String(primary))
      for _ in 0..<3 {
        guard let extended = take(where: { $0.count == 3 && LanguageTag.isLetters($0) }) else { break }
        write(String(extended))
      }
      if let script = take(where: { $0.count == 4 && LanguageTag.isLetters($0) }) { write(script.capitalized) }
      if let region = take(where: { $0.count == 2 && LanguageTag.isLetters($0) || $0.count == 3 && LanguageTag.isDigits($0) }) {
        guard region.count == 3 || Locale.Region(region.uppercased()).isISORegion else { return false }
        write(region.uppercased())
      }
      return true
    }

    /// Each at most once.
    mutating func variants() -> Bool {
      var seen: Set<Substring> = []
      while let variant = take(where: { $0.count >= 5 || $0.count == 4 && LanguageTag.isDigits($0.prefix(1)) }) {
        guard seen.insert(variant).inserted else { return false }
        write(String(variant))
      }
      return true
    }

    /// A letter or digit with what belongs to it, each at most once; `x` begins what is private, to the end.
    mutating func extensions() -> Bool {
      var seen: Set<Substring> = []
      while let singleton = take(where: { $0.count == 1 }) {
        guard seen.insert(singleton).inserted else { return false }
        write(String(singleton))
        let isPrivate = singleton == "x"
        var count = 0
        while let part = take(where: { isPrivate || $0.count >= 2 }) {
          write(String(part))
          count += 1
        }
        guard count > 0 else { return false }
      }
      return true
    }

    private mutating func take(where isFitting: (Substring) -> Bool) -> Substring? {
      guard let next = rest.first, isFitting(next) else { return nil }
      rest.removeFirst()
      return next
    }

    private mutating func write(_ subtag: String) { written.append(subtag) }
  }

  private static func isLetters(_ text: Substring) -> Bool { text.utf8.allSatisfy { (0x61...0x7A).contains($0) } }
  private static func isDigits(_ text: Substring) -> Bool { text.utf8.allSatisfy { (0x30...0x39).contains($0) } }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) }
}
