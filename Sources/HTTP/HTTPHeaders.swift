/// Header fields in the order they were added; names compare without case (RFC 9110 section 5.1).
public struct HTTPHeaders: Sendable, Equatable, ExpressibleByDictionaryLiteral {
  public struct Field: Sendable, Equatable {
    public let name: String
    public let value: String
  }

  public private(set) var fields: [Field] = []

  public init() {}

  public init(dictionaryLiteral elements: (String, String)...) {
    for (name, value) in elements { add(name, value) }
  }

  /// The first value of a field, or nil; setting replaces every field of that name.
  public subscript(name: String) -> String? {
    get { fields.first { Self.sameName($0.name, name) }?.value }
    set {
      fields.removeAll { Self.sameName($0.name, name) }
      if let newValue { add(name, newValue) }
    }
  }

  /// Every value of a field, in order.
  public func values(_ name: String) -> [String] {
    fields.lazy.filter { Self.sameName($0.name, name) }.map(\.value)
  }

  /// Adds a field beside those already there.
  ///
  /// Control characters become spaces: a value with a line end would start a header of its own (RFC 9110 section 5.5).
  public mutating func add(_ name: String, _ value: String) {
    let name = String(decoding: name.utf8.filter(Self.isTokenByte), as: UTF8.self)
    guard !name.isEmpty else { return }
    let isSafe = value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    let safe = isSafe ? value : String(decoding: value.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }, as: UTF8.self)
    fields.append(Field(name: name, value: safe))
  }

  /// Whether a comma-separated list field holds a token, compared without case (RFC 9110 section 5.6.1).
  public func contains(token: String, in name: String) -> Bool {
    values(name).contains { value in
      value.split(separator: ",").contains { Self.sameName(trimmed($0), token) }
    }
  }

  static func sameName(_ left: String, _ right: String) -> Bool {
    left.utf8.count == right.utf8.count && zip(left.utf8, right.utf8).allSatisfy { lowercase($0) == lowercase($1) }
  }

  private static func lowercase(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

  /// The `tchar` of RFC 9110 section 5.6.2.
  static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: true
    default: false
    }
  }
}

/// Optional white space of a header value removed on both sides (RFC 9110 section 5.6.3).
func trimmed(_ text: some StringProtocol) -> String {
  var view = Substring(text)
  while let first = view.utf8.first, first == 0x20 || first == 0x09 { view = view.dropFirst() }
  while let last = view.utf8.last, last == 0x20 || last == 0x09 { view = view.dropLast() }
  return String(view)
}
