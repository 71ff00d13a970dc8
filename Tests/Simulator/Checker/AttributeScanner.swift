/// Finds single fields in the JSON of an event, without the engine's reader.
struct AttributeScanner {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// Where the value of a field begins; nil when there is no such field.
  private func value(of name: StaticString) -> Int? {
    let count = name.utf8CodeUnitCount
    let quote = UInt8(ascii: "\"")
    guard bytes.count > count + 3 else { return nil }
    return name.withUTF8Buffer { key in
      for start in 0..<(bytes.count - count - 2) where bytes[start] == quote && bytes[start + count + 1] == quote {
        guard bytes[(start + 1)..<(start + count + 1)].elementsEqual(key) else { continue }
        var position = start + count + 2
        while position < bytes.count, bytes[position] == UInt8(ascii: " ") || bytes[position] == UInt8(ascii: ":") { position += 1 }
        return position < bytes.count ? position : nil
      }
      return nil
    }
  }

  /// How often there is a field of that name, at any depth.
  func count(of name: StaticString) -> Int {
    let key = name.withUTF8Buffer { [UInt8(ascii: "\"")] + Array($0) + [UInt8(ascii: "\""), UInt8(ascii: ":")] }
    guard bytes.count >= key.count else { return 0 }
    return (0...(bytes.count - key.count)).count { bytes[$0..<($0 + key.count)].elementsEqual(key) }
  }

  func has(_ name: StaticString) -> Bool { value(of: name) != nil }

  func integer(_ name: StaticString) -> Int? {
    guard var position = value(of: name) else { return nil }
    let isNegative = bytes[position] == UInt8(ascii: "-")
    if isNegative { position += 1 }
    var number = 0
    let start = position
    while position < bytes.count, 48...57 ~= bytes[position] {
      number = number * 10 + Int(bytes[position] - 48)
      position += 1
    }
    return position == start ? nil : isNegative ? -number : number
  }

  func text(_ name: StaticString) -> String? {
    guard let start = value(of: name), bytes[start] == UInt8(ascii: "\"") else { return nil }
    guard let end = bytes[(start + 1)...].firstIndex(of: UInt8(ascii: "\"")) else { return nil }
    return String(decoding: bytes[(start + 1)..<end], as: UTF8.self)
  }
}
