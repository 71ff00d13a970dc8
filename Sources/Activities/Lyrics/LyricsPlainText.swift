import Foundation

/// The rules for one text of an answer: plain, visible, bounded, in Unicode normalization form C.
enum LyricsPlainText {
  static func checked(_ text: String, line: Int) throws(LyricsViolation) -> String {
    guard text.utf8.count <= LyricsValidation.maximumTextBytes else {
      throw LyricsViolation(.textTooLong, line: line, "\(text.utf8.count) bytes, at most \(LyricsValidation.maximumTextBytes) are taken")
    }
    if let scalar = text.unicodeScalars.first(where: isForbidden) {
      throw LyricsViolation(.controlCharacter, line: line, "U+\(String(scalar.value, radix: 16, uppercase: true)) is not text")
    }
    guard !containsMarkup(text) else {
      throw LyricsViolation(.markup, line: line, "it holds a tag, a time stamp or an arrow of a subtitle format")
    }
    let plain = text.trimmingCharacters(in: .whitespaces).precomposedStringWithCanonicalMapping
    guard plain.unicodeScalars.contains(where: { !$0.properties.isWhitespace && !$0.properties.isDefaultIgnorableCodePoint }) else {
      throw LyricsViolation(.textEmpty, line: line, "it has no visible character")
    }
    return plain
  }

  /// Controls, line separators, and the bidirectional overrides that make a text read differently from what it is (Unicode TR 36).
  private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: return true
    default: break
    }
    switch scalar.value {
    case 0x202A...0x202E, 0x2066...0x2069, 0xFEFF, 0xFFF9...0xFFFB: return true
    default: return false
    }
  }

  /// "I <3 you" is a lyric; `<b>`, `</i>`, `<!--`, `-->`, `[00:12` and `<00:12` are formats, and stay out of ours.
  private static func containsMarkup(_ text: String) -> Bool {
    if text.contains("-->") { return true }
    let bytes = Array(text.utf8)
    for index in bytes.indices.dropLast() {
      let (opening, next) = (bytes[index], bytes[index + 1])
      guard opening == UInt8(ascii: "<") || opening == UInt8(ascii: "[") else { continue }
      if opening == UInt8(ascii: "<"), isLetter(next) || "/!?".utf8.contains(next) { return true }
      if startsWithStamp(bytes[(index + 1)...]) { return true }
    }
    return false
  }

  private static func startsWithStamp(_ bytes: ArraySlice<UInt8>) -> Bool {
    let digits = bytes.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    let rest = bytes.dropFirst(digits.count)
    return !digits.isEmpty && rest.first == UInt8(ascii: ":") && rest.dropFirst().first.map { (48...57).contains($0) } == true
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }
}
