/// A rule of RFC 8216 that a playlist or a segment breaks.
public struct HLSViolation: Equatable, Sendable, CustomStringConvertible {
  /// The file.
  public var file: String
  /// The section of RFC 8216.
  public var section: String
  public var problem: String
  public var description: String { "\(file): \(problem) (RFC 8216 section \(section))" }
}

/// A playlist as its lines say it, before any rule about their meaning.
struct HLSLines: Equatable {
  enum Line: Equatable {
    case tag(name: String, value: String)
    case uri(String)
  }

  var lines: [Line] = []
  var violations: [HLSViolation] = []

  /// At most this many bytes are read: a day of one-second segments has 3 MB.
  static let limitBytes = 16 << 20

  init(_ bytes: [UInt8], file: String) {
    read(bytes, file: file)
  }

  private mutating func read(_ bytes: [UInt8], file: String) {
    func violation(_ section: String, _ problem: String) { violations.append(HLSViolation(file: file, section: section, problem: problem)) }
    guard bytes.count <= Self.limitBytes else { return violation("4.1", "larger than \(Self.limitBytes) bytes") }
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { violation("4.1", "begins with a byte order mark") }
    guard let text = String(validating: bytes, as: UTF8.self) else { return violation("4.1", "is not UTF-8") }
    // Split on scalars: Swift takes CR LF as one character.
    let rows = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { row in
      String(row.last == "\r" ? row.dropLast() : row)
    }
    if rows.first != "#EXTM3U" { violation("4.3.1.1", "the first line is not #EXTM3U") }
    for row in rows.dropFirst() where !row.isEmpty {
      if row.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }) {
        violation("4.1", "contains a control character")
      }
      if row.hasPrefix("#EXT") {
        let parts = row.dropFirst().split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        lines.append(.tag(name: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : ""))
      } else if !row.hasPrefix("#") {
        lines.append(.uri(row))
      }
    }
  }

  /// The values of all tags of this name.
  func values(_ name: String) -> [String] {
    lines.compactMap { if case .tag(name, let value) = $0 { value } else { nil } }
  }
}

/// An attribute list (section 4.2): NAME=value pairs, joined by commas; commas inside quotes do not count.
struct HLSAttributes: Equatable {
  private(set) var values: [String: String] = [:]

  /// Nil when the list is malformed or names an attribute twice.
  init?(_ text: String) {
    var rest = Substring(text)
    while !rest.isEmpty {
      let name = rest.prefix { $0.isASCII && ($0.isUppercase || $0.isNumber || $0 == "-") }
      rest = rest.dropFirst(name.count)
      guard !name.isEmpty, rest.popFirst() == "=" else { return nil }
      let value: Substring
      if rest.first == "\"" {
        let inside = rest.dropFirst().prefix { $0 != "\"" }
        guard inside.endIndex < rest.endIndex else { return nil }
        value = rest[rest.startIndex...inside.endIndex]
      } else {
        value = rest.prefix { $0 != "," }
        guard !value.isEmpty, !value.contains(where: { $0 == "\"" || $0.isWhitespace }) else { return nil }
      }
      rest = rest.dropFirst(value.count)
      guard values.updateValue(String(value), forKey: String(name)) == nil else { return nil }
      guard rest.isEmpty || (rest.popFirst() == "," && !rest.isEmpty) else { return nil }
    }
  }

  /// A decimal integer, 0 to 2^63-1.
  func integer(_ name: String) -> Int? { values[name].flatMap(HLSNumber.integer) }

  /// A quoted string without its quotes.
  func quoted(_ name: String) -> String? {
    values[name].flatMap { $0.count >= 2 && $0.hasPrefix("\"") && $0.hasSuffix("\"") ? String($0.dropFirst().dropLast()) : nil }
  }
}

/// Numbers as section 4.2 writes them: no sign, no exponent, no spaces.
enum HLSNumber {
  static func integer(_ text: String) -> Int? { isDigits(text) && text.count <= 19 ? Int(text) : nil }

  static func decimal(_ text: String) -> Double? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard text.count <= 40, parts.count <= 2, parts.allSatisfy(isDigits) else { return nil }
    return Double(text)
  }

  private static func isDigits(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) } }
}
