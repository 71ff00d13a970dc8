import Foundation

/// Bytes in network order, written in place to memory that is kept between uses.
///
/// The array is longer than what is written, so that a value costs one store and no growth of the array.
struct WireBuffer: Sendable {
  private var storage: [UInt8] = []
  /// Bytes written.
  private(set) var count = 0

  mutating func removeAll() { count = 0 }

  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[0..<count])) }
  }

  mutating func append<Value: FixedWidthInteger>(_ value: Value) {
    let start = extend(by: MemoryLayout<Value>.size)
    storage.withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: start, as: Value.self) }
  }

  /// Appends an array element: its length and its value.
  mutating func append<Value: FixedWidthInteger>(element value: Value) {
    let start = extend(by: 4 + MemoryLayout<Value>.size)
    storage.withUnsafeMutableBytes {
      $0.storeBytes(of: Int32(MemoryLayout<Value>.size).bigEndian, toByteOffset: start, as: Int32.self)
      $0.storeBytes(of: value.bigEndian, toByteOffset: start + 4, as: Value.self)
    }
  }

  mutating func append(_ source: UnsafeRawBufferPointer) {
    let start = extend(by: source.count)
    storage.withUnsafeMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[start...]).copyMemory(from: source) }
  }

  mutating func append(_ source: WireBuffer) { source.withBytes { append($0) } }

  mutating func append(_ id: UUID) {
    withUnsafeBytes(of: id.uuid) { append($0) }
  }

  /// Appends the text as UTF-8 and returns its length in bytes, nil (nothing appended) when it holds a NUL, which PostgreSQL cannot store.
  mutating func append(_ text: String) -> Int? {
    let length = text.utf8.withContiguousStorageIfAvailable { append(text: UnsafeRawBufferPointer($0)) }
    // Only strings bridged from elsewhere are not contiguous.
    return length ?? Array(text.utf8).withUnsafeBytes { append(text: $0) }
  }

  mutating func overwrite(_ value: Int32, at offset: Int) {
    storage.withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Int32.self) }
  }

  private mutating func append(text: UnsafeRawBufferPointer) -> Int? {
    guard let base = text.baseAddress, !text.isEmpty else { return 0 }
    guard memchr(base, 0, text.count) == nil else { return nil }
    append(text)
    return text.count
  }

  /// Makes room and returns where it starts; the memory doubles, so that growing costs little per byte.
  private mutating func extend(by length: Int) -> Int {
    let start = count
    count += length
    if storage.count < count {
      storage.append(contentsOf: repeatElement(0, count: max(count - storage.count, storage.count, 64)))
    }
    return start
  }
}
