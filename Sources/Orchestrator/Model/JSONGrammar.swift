/// Checks a whole text by the grammar of RFC 8259. Foundation's parsers also take trailing commas and other encodings, which would break
/// the attributes such a text becomes part of, for PostgreSQL and every other reader. Refused is also what the grammar allows and PostgreSQL's
/// jsonb cannot hold: U+0000, half a surrogate pair, numbers beyond numeric. One such payload would make the views of all histories fail.
struct JSONGrammar {
  private let bytes: [UInt8]
  private var position = 0

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// Whether the bytes are one JSON value in UTF-8, nested no deeper than `Limits.payloadDepth`.
  static func accepts(_ bytes: [UInt8]) -> Bool {
    guard String(validating: bytes, as: UTF8.self) != nil else { return false }
    var grammar = JSONGrammar(bytes)
    return grammar.value(depth: 0) && grammar.next == nil
  }

  /// A quick look before the whole grammar: whether the four digits of U+0000 follow a `\u` somewhere.
  static func mayHoldNull(_ bytes: [UInt8]) -> Bool {
    var zeros = 0
    for byte in bytes {
      if byte == UInt8(ascii: "0") && zeros > 0 {
        zeros += 1
        if zeros == 5 { return true }
      } else {
        zeros = byte == UInt8(ascii: "u") ? 1 : 0
      }
    }
    return false
  }

  /// The next byte that is no white space.
  private var next: UInt8? {
    mutating get {
      while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
      return position < bytes.count ? bytes[position] : nil
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) -> Bool {
    switch next {
    case UInt8(ascii: "{"): depth < Limits.payloadDepth && members(depth: depth + 1)
    case UInt8(ascii: "["): depth < Limits.payloadDepth && elements(depth: depth + 1)
    case UInt8(ascii: "\""): string()
    case UInt8(ascii: "t"): literal("true")
    case UInt8(ascii: "f"): literal("false")
    case UInt8(ascii: "n"): literal("null")
    default: number()
    }
  }

  private mutating func members(depth: Int) -> Bool {
    position += 1
    if take(UInt8(ascii: "}")) { return true }
    repeat {
      guard next == UInt8(ascii: "\""), string(), take(UInt8(ascii: ":")), value(depth: depth) else { return false }
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "}"))
  }

  private mutating func elements(depth: Int) -> Bool {
    position += 1
    if take(UInt8(ascii: "]")) { return true }
    repeat {
      guard value(depth: depth) else { return false }
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "]"))
  }

  private mutating func string() -> Bool {
    position += 1
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return true
      case UInt8(ascii: "\\"): guard escape() else { return false }
      case 0..<0x20: return false
      default: break
      }
    }
    return false
  }

  private mutating func escape() -> Bool {
    guard position < bytes.count else { return false }
    let kind = bytes[position]
    position += 1
    guard kind == UInt8(ascii: "u") else { return "\"\\/bfnrt".utf8.contains(kind) }
    guard let unit = codeUnit() else { return false }
    switch unit {
    case 0, 0xDC00...0xDFFF: return false
    case 0xD800...0xDBFF: return literal("\\u") && codeUnit().map { 0xDC00...0xDFFF ~= $0 } == true
    default: return true
    }
  }

  private mutating func codeUnit() -> UInt16? {
    guard position + 4 <= bytes.count else { return nil }
    let digits = bytes[position..<(position + 4)]
    position += 4
    guard digits.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }) else { return nil }
    return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  private mutating func literal(_ text: StaticString) -> Bool {
    let end = position + text.utf8CodeUnitCount
    guard end <= bytes.count, text.withUTF8Buffer({ bytes[position..<end].elementsEqual($0) }) else { return false }
    position = end
    return true
  }

  private mutating func number() -> Bool {
    let start = position
    return numberParts() && position - start <= Limits.numberBytes
  }

  private mutating func numberParts() -> Bool {
    if at("-") { position += 1 }
    if at("0") { position += 1 } else if !digits() { return false }
    if at(".") {
      position += 1
      guard digits() else { return false }
    }
    if at("e") || at("E") {
      position += 1
      if at("+") || at("-") { position += 1 }
      let exponent = position
      return digits() && position - exponent <= 4
    }
    return true
  }

  private func at(_ character: Unicode.Scalar) -> Bool {
    position < bytes.count && bytes[position] == UInt8(ascii: character)
  }

  private mutating func digits() -> Bool {
    let start = position
    while position < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[position] { position += 1 }
    return position > start
  }
}
