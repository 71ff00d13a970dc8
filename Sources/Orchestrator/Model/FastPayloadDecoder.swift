import Foundation

/// Decodes what most payloads are made of several times faster than `JSONDecoder`. It accepts less: plain grammar, no escapes of code units,
/// no repeated names, few fields. Whatever it is not sure of it leaves to `JSONDecoder`, which also says what is wrong: the result is nil then.
struct FastPayloadDecoder {
  static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) -> Value? {
    guard !FastPayloadEncoder.isSpecial(type), let tokens = JSONTokens(bytes) else { return nil }
    let value = try? Value(from: ValueDecoder(tokens: tokens, index: 0))
    // A type may swallow an error and try another shape; where the fast way gave up, that would not be what `JSONDecoder` does.
    return tokens.isGivenUp ? nil : value
  }
}

/// A JSON text cut into tokens, each with its extent; what stands in an object or array follows it.
final class JSONTokens {
  enum Kind: UInt8 {
    case object, array, plainString, escapedString, integer, decimal, bool, null
  }

  struct Token {
    var kind: Kind
    var start: Int32
    /// Behind the last byte; strings without their quotes.
    var end: Int32
    /// The token behind this one and everything in it.
    var next: Int32
    /// Fields or elements.
    var count: Int32
  }

  let bytes: [UInt8]
  let tokens: [Token]
  private(set) var isGivenUp = false

  /// From here on the result does not count.
  func unavailable() -> FastPathUnavailable {
    isGivenUp = true
    return FastPathUnavailable()
  }

  /// Nil when the text is anything but plain.
  init?(_ bytes: [UInt8]) {
    guard let tokens = JSONTokenizer.tokens(of: bytes) else { return nil }
    self.bytes = bytes
    self.tokens = tokens
  }
}

/// Cuts the text; a value that lives as long as the call.
private struct JSONTokenizer {
  typealias Token = JSONTokens.Token
  typealias Kind = JSONTokens.Kind

  private static let maximumDepth = 32
  private static let maximumFields = 32

  private let bytes: UnsafeBufferPointer<UInt8>
  private var tokens: [Token] = []
  private var position = 0

  /// Nil when the text is anything but plain.
  static func tokens(of bytes: [UInt8]) -> [Token]? {
    guard bytes.count < Int32.max else { return nil }
    return bytes.withUnsafeBufferPointer { bytes in
      var tokenizer = JSONTokenizer(bytes: bytes)
      tokenizer.tokens.reserveCapacity(16)
      guard tokenizer.value(depth: 0), tokenizer.next == nil, isUTF8(bytes) else { return nil }
      return tokenizer.tokens
    }
  }

  /// Also of what nobody reads: names and values that the type does not know.
  private static func isUTF8(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var bits: UInt8 = 0
    for byte in bytes { bits |= byte }
    return bits < 0x80 || String(validating: bytes, as: UTF8.self) != nil
  }

  private init(bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
  }

  /// The next byte that is no white space.
  private var next: UInt8? {
    mutating get {
      while position < bytes.count {
        let byte = bytes[position]
        guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
        position += 1
      }
      return nil
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) -> Bool {
    guard let byte = next else { return false }
    switch byte {
    case UInt8(ascii: "{"): return depth < Self.maximumDepth && object(depth: depth + 1)
    case UInt8(ascii: "["): return depth < Self.maximumDepth && array(depth: depth + 1)
    case UInt8(ascii: "\""): return string()
    case UInt8(ascii: "t"): return literal("true", .bool)
    case UInt8(ascii: "f"): return literal("false", .bool)
    case UInt8(ascii: "n"): return literal("null", .null)
    default: return number()
    }
  }

  private mutating func begin(_ kind: Kind) -> Int {
    tokens.append(Token(kind: kind, start: Int32(position), end: 0, next: 0, count: 0))
    return tokens.count - 1
  }

  private mutating func end(_ token: Int, count: Int32 = 0) {
    tokens[token].end = Int32(position)
    tokens[token].next = Int32(tokens.count)
    tokens[token].count = count
  }

  private mutating func object(depth: Int) -> Bool {
    let token = begin(.object)
    position += 1
    var count: Int32 = 0
    if next != UInt8(ascii: "}") {
      repeat {
        let name = tokens.count
        guard next == UInt8(ascii: "\""), string(), tokens[name].kind == .plainString, take(UInt8(ascii: ":")),
          count < Self.maximumFields, !isRepeated(name, in: token), value(depth: depth)
        else { return false }
        count += 1
      } while take(UInt8(ascii: ","))
    }
    guard take(UInt8(ascii: "}")) else { return false }
    end(token, count: count)
    return true
  }

  private func isRepeated(_ name: Int, in object: Int) -> Bool {
    var earlier = object + 1
    while earlier < name {
      let (a, b) = (tokens[earlier], tokens[name])
      if a.end - a.start == b.end - b.start, bytes.holds(bytes, from: Int(b.start), to: Int(b.end), at: Int(a.start)) { return true }
      earlier = Int(tokens[earlier + 1].next)
    }
    return false
  }

  private mutating func array(depth: Int) -> Bool {
    let token = begin(.array)
    position += 1
    var count: Int32 = 0
    if next != UInt8(ascii: "]") {
      repeat {
        guard value(depth: depth) else { return false }
        count += 1
      } while take(UInt8(ascii: ","))
    }
    guard take(UInt8(ascii: "]")) else { return false }
    end(token, count: count)
    return true
  }

  private mutating func string() -> Bool {
    position += 1
    let token = begin(.plainString)
    var index = position
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") {
        position = index
        end(token)
        position += 1
        return true
      }
      if byte == UInt8(ascii: "\\") {
        tokens[token].kind = .escapedString
        index += 1
      } else if byte < 0x20 {
        return false
      }
      index += 1
    }
    return false
  }

  private mutating func literal(_ text: StaticString, _ kind: Kind) -> Bool {
    let token = begin(kind)
    let length = text.utf8CodeUnitCount
    guard position + length <= bytes.count, text.withUTF8Buffer({ bytes[position..<(position + length)].elementsEqual($0) }) else {
      return false
    }
    position += length
    end(token)
    return true
  }

  private mutating func number() -> Bool {
    let token = begin(.integer)
    if position < bytes.count, bytes[position] == UInt8(ascii: "-") { position += 1 }
    let first = position
    guard digits() else { return false }
    if bytes[first] == UInt8(ascii: "0"), position - first > 1 { return false }
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      tokens[token].kind = .decimal
      position += 1
      guard digits() else { return false }
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      tokens[token].kind = .decimal
      position += 1
      if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") { position += 1 }
      guard digits() else { return false }
    }
    end(token)
    return true
  }

  private mutating func digits() -> Bool {
    let start = position
    while position < bytes.count, bytes[position] >= UInt8(ascii: "0"), bytes[position] <= UInt8(ascii: "9") { position += 1 }
    return position > start
  }
}

// Reading single tokens.
extension JSONTokens {
  func string(_ index: Int) throws -> String {
    let token = tokens[index]
    guard token.kind == .plainString else { throw unavailable() }
    // The whole text is UTF-8, and quotes stand between characters.
    return bytes.withUnsafeBufferPointer { String(decoding: $0[Int(token.start)..<Int(token.end)], as: UTF8.self) }
  }

  func bool(_ index: Int) throws -> Bool {
    guard tokens[index].kind == .bool else { throw unavailable() }
    return bytes[Int(tokens[index].start)] == UInt8(ascii: "t")
  }

  func isNull(_ index: Int) -> Bool { tokens[index].kind == .null }

  func integer<Value: FixedWidthInteger>(_ index: Int) throws -> Value {
    let token = tokens[index]
    guard token.kind == .integer else { throw unavailable() }
    var position = Int(token.start)
    let isNegative = bytes[position] == UInt8(ascii: "-")
    if isNegative { position += 1 }
    var value: Value = 0
    while position < Int(token.end) {
      let digit = Value(truncatingIfNeeded: bytes[position] - UInt8(ascii: "0"))
      let (scaled, overflowed) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = isNegative ? scaled.subtractingReportingOverflow(digit) : scaled.addingReportingOverflow(digit)
      guard !overflowed, !carried else { throw unavailable() }
      value = sum
      position += 1
    }
    return value
  }

  func floating<Value: BinaryFloatingPoint & LosslessStringConvertible>(_ index: Int) throws -> Value {
    let token = tokens[index]
    guard token.kind == .integer || token.kind == .decimal,
      let value = Value(String(decoding: bytes[Int(token.start)..<Int(token.end)], as: UTF8.self)), value.isFinite,
      // Zero may be what is left of a number too small for the type, which Foundation refuses.
      !value.isZero || token.kind == .integer
    else { throw unavailable() }
    return value
  }

  /// The value of a field; nil when the object has none of that name.
  func field(_ name: String, of object: Int) -> Int? {
    var index = object + 1
    let end = Int(tokens[object].next)
    var copy = name
    return copy.withUTF8 { name in
      bytes.withUnsafeBufferPointer { bytes in
        while index < end {
          let token = tokens[index]
          if Int(token.end - token.start) == name.count, name.holds(bytes, from: Int(token.start), to: Int(token.end), at: 0) {
            return index + 1
          }
          index = Int(tokens[index + 1].next)
        }
        return nil
      }
    }
  }

  func names(of object: Int) throws -> [String] {
    var names: [String] = []
    var index = object + 1
    while index < Int(tokens[object].next) {
      names.append(try string(index))
      index = Int(tokens[index + 1].next)
    }
    return names
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Whether these bytes of another text stand here; both ranges lie within their texts.
  fileprivate func holds(_ other: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int, at offset: Int) -> Bool {
    var index = start
    while index < end {
      if self[offset + index - start] != other[index] { return false }
      index += 1
    }
    return true
  }
}
