/// A Swift file split into what the compiler runs, what the program says, and what people read,
/// so that a rule about calls never fires on a comment or on a message.
struct SwiftText: Sendable {
  struct Literal: Sendable {
    /// The line of its opening quote, counted from 1.
    let line: Int
    /// Its text, with `?` for each interpolation.
    let text: String
  }

  /// One entry a line; comments are gone and string literals are empty.
  let code: [String]
  /// One entry a line, with the slashes.
  let comments: [String]
  let literals: [Literal]

  init(_ text: String) {
    var scanner = SwiftScanner(text)
    scanner.scanCode(inInterpolation: false)
    code = scanner.code.map { String(decoding: $0, as: UTF8.self) }
    comments = scanner.comments.map { String(decoding: $0, as: UTF8.self) }
    literals = scanner.literals
  }

  /// Whether a comment explains this line: on it, or on one of the lines above up to the first that is blank, three at most.
  func hasComment(at line: Int) -> Bool {
    for candidate in stride(from: line, through: max(1, line - 3), by: -1) {
      if !comments[candidate - 1].isEmpty { return true }
      if code[candidate - 1].allSatisfy(\.isWhitespace) { return false }
    }
    return false
  }
}

/// One pass over the bytes of a Swift file. Knows nested comments, raw and multi-line strings, interpolations and regex literals.
private struct SwiftScanner {
  private let bytes: [UInt8]
  private var position = 0
  private(set) var code: [[UInt8]] = [[]]
  private(set) var comments: [[UInt8]] = [[]]
  private(set) var literals: [SwiftText.Literal] = []

  init(_ text: String) { bytes = Array(text.utf8) }

  mutating func scanCode(inInterpolation: Bool) {
    var depth = 0
    while position < bytes.count {
      if starts(with: "//") {
        scanLineComment()
      } else if starts(with: "/*") {
        scanBlockComment()
      } else if let hashes = hashesBefore(UInt8(ascii: "\"")) {
        scanString(hashes: hashes)
      } else if let end = endOfRegex() {
        position = end
      } else {
        let byte = bytes[position]
        if byte == UInt8(ascii: "(") { depth += 1 }
        if byte == UInt8(ascii: ")") { depth -= 1 }
        position += 1
        if inInterpolation && depth < 0 { return }
        emit(byte)
      }
    }
  }

  private mutating func scanLineComment() {
    while position < bytes.count, bytes[position] != UInt8(ascii: "\n") {
      comments[comments.count - 1].append(bytes[position])
      position += 1
    }
  }

  private mutating func scanBlockComment() {
    var depth = 0
    repeat {
      if starts(with: "/*") {
        depth += 1
        position += 2
      } else if starts(with: "*/") {
        depth -= 1
        position += 2
      } else {
        if bytes[position] == UInt8(ascii: "\n") { newLine() } else { comments[comments.count - 1].append(bytes[position]) }
        position += 1
      }
    } while depth > 0 && position < bytes.count
    comments[comments.count - 1].append(contentsOf: "*/".utf8)
  }

  private mutating func scanString(hashes: Int) {
    let line = code.count
    let raw = String(repeating: "#", count: hashes)
    position += hashes
    let quotes = starts(with: "\"\"\"") ? "\"\"\"" : "\""
    position += quotes.utf8.count
    var content: [UInt8] = []
    while position < bytes.count, !starts(with: quotes + raw) {
      if starts(with: "\\" + raw + "(") {
        position += hashes + 2
        content.append(UInt8(ascii: "?"))
        scanCode(inInterpolation: true)
      } else if starts(with: "\\" + raw) {
        // The escaped byte may be a quote: it must not end the literal.
        position += hashes + 2
        content.append(UInt8(ascii: " "))
      } else {
        if bytes[position] == UInt8(ascii: "\n") { newLine() }
        content.append(bytes[position])
        position += 1
      }
    }
    position += quotes.utf8.count + hashes
    code[code.count - 1].append(contentsOf: "\"\"".utf8)
    literals.append(SwiftText.Literal(line: line, text: String(decoding: content, as: UTF8.self)))
  }

  /// The number of `#` here when exactly they and then `byte` follow.
  private func hashesBefore(_ byte: UInt8) -> Int? {
    var end = position
    while end < bytes.count, bytes[end] == UInt8(ascii: "#") { end += 1 }
    return end < bytes.count && bytes[end] == byte ? end - position : nil
  }

  /// A slash starts a regex where a value may start; a division stands after a value.
  private func endOfRegex() -> Int? {
    guard let hashes = hashesBefore(UInt8(ascii: "/")) else { return nil }
    let before = code[code.count - 1].last { $0 != UInt8(ascii: " ") }
    let first = position + hashes + 1
    guard hashes > 0 || before.map("(,=:[{&|!?;~".utf8.contains) ?? true,
      first < bytes.count, bytes[first] != UInt8(ascii: " ")
    else { return nil }
    let closing = Array(("/" + String(repeating: "#", count: hashes)).utf8)
    var end = first
    while end < bytes.count, bytes[end] != UInt8(ascii: "\n") {
      if bytes[end] == UInt8(ascii: "\\") {
        end += 2
      } else if bytes[end...].starts(with: closing) {
        return end + closing.count
      } else {
        end += 1
      }
    }
    return nil
  }

  private func starts(with text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

  private mutating func emit(_ byte: UInt8) {
    if byte == UInt8(ascii: "\n") { newLine() } else { code[code.count - 1].append(byte) }
  }

  private mutating func newLine() {
    code.append([])
    comments.append([])
  }
}
