import Foundation

/// Bytes in network order, appended in place to memory that is kept between uses.
struct WireBuffer: Sendable {
  private(set) var bytes: [UInt8] = []

  var count: Int { bytes.count }

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  mutating func append<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(_ source: UnsafeRawBufferPointer) { bytes.append(contentsOf: source) }

  mutating func append(_ source: [UInt8]) { bytes.append(contentsOf: source) }

  mutating func append(_ id: UUID) {
    withUnsafeBytes(of: id.uuid) { bytes.append(contentsOf: $0) }
  }

  /// Appends the text as UTF-8 and returns its length in bytes, nil (nothing appended) when it holds a NUL, which PostgreSQL cannot store.
  mutating func append(_ text: String) -> Int? {
    let start = bytes.count
    bytes.append(contentsOf: text.utf8)
    let length = bytes.count - start
    let hasNUL = bytes.withUnsafeBytes { all in
      guard length > 0, let base = all.baseAddress else { return false }
      return memchr(base + start, 0, length) != nil
    }
    guard hasNUL else { return length }
    bytes.removeLast(length)
    return nil
  }

  mutating func overwrite(_ value: Int32, at offset: Int) {
    withUnsafeBytes(of: value.bigEndian) { source in
      for index in 0..<4 { bytes[offset + index] = source[index] }
    }
  }
}
