import Foundation

/// One array parameter in PostgreSQL's binary array format, written element by element into memory that is reused.
///
/// Keep one per column, fill it, append it to ``Parameters``, send, then `removeAll()`; it belongs to one thread.
/// A mistake (wrong element type, NUL in a text) is kept and reported when the statement is submitted.
public final class ArrayColumn {
  public let element: PostgresType
  /// The type of the whole parameter.
  let type: PostgresType
  // Every element asked at run time whether it is alone. It is: the value's methods take plain values and call nobody.
  @exclusivity(unchecked) private var content: ArrayContent

  public init(_ element: PostgresType) {
    guard let type = element.array else { preconditionFailure("\(element) has no array type that can be sent") }
    self.element = element
    self.type = type
    content = ArrayContent(element)
  }

  public var count: Int { content.count }
  var problem: String? { content.problem }

  /// Bytes the parameter has on the wire so far.
  public var byteCount: Int { content.byteCount }

  public func removeAll(keepingCapacity: Bool = true) { content.removeAll(keepingCapacity: keepingCapacity) }

  public func appendNull() { content.appendNull() }

  public func append(_ value: Bool) { content.append(UInt8(value ? 1 : 0), .bool) }
  public func append(_ value: Int16) { content.append(value, .int2) }
  public func append(_ value: Int32) { content.append(value, .int4) }
  public func append(_ value: Int64) { content.append(value, .int8) }
  public func append(_ value: Double) { content.append(value.bitPattern, .float8) }

  /// Appends a `timestamptz`, in microseconds since the Unix epoch.
  public func appendTimestamp(microseconds: Int64) { content.append(PostgresEpoch.fromUnix(microseconds), .timestamptz) }

  public func appendInterval(microseconds: Int64) { content.appendInterval(microseconds) }

  public func append(_ value: UUID) { content.append(value) }

  public func append(_ value: [UInt8]) {
    value.withUnsafeBytes { content.append(bytes: $0) }
  }

  public func append(bytes: UnsafeRawBufferPointer) { content.append(bytes: bytes) }

  public func append(_ value: String) { content.append(value) }

  /// The finished parameter: header patched, valid until the next change.
  func finish() -> WireBuffer { content.finish() }
}

/// What a column holds; a value of its own, so that appending an element asks once, not for every property, whether it is alone.
private struct ArrayContent {
  /// Offsets in the header: dimensions, has-null flag, element type, length, lower bound; 4 bytes each.
  private enum Header {
    static let hasNull = 4
    static let length = 12
  }

  private let element: PostgresType
  private(set) var count = 0
  private(set) var problem: String?
  private var hasNull = false
  private var buffer = WireBuffer()

  init(_ element: PostgresType) {
    self.element = element
    writeHeader()
  }

  var byteCount: Int { buffer.count }

  mutating func removeAll(keepingCapacity: Bool) {
    count = 0
    problem = nil
    hasNull = false
    if keepingCapacity { buffer.removeAll() } else { buffer = WireBuffer() }
    writeHeader()
  }

  mutating func appendNull() {
    hasNull = true
    count += 1
    buffer.append(Int32(-1))
  }

  mutating func append<Value: FixedWidthInteger>(_ value: Value, _ type: PostgresType) {
    guard accepts(type, byteCount: MemoryLayout<Value>.size) else { return }
    count += 1
    buffer.append(element: value)
  }

  mutating func appendInterval(_ microseconds: Int64) {
    guard begin(.interval, byteCount: 16) else { return }
    buffer.append(microseconds)
    buffer.append(Int64(0))
  }

  mutating func append(_ value: UUID) {
    guard begin(.uuid, byteCount: 16) else { return }
    buffer.append(value)
  }

  mutating func append(bytes: UnsafeRawBufferPointer) {
    guard begin(.bytea, byteCount: bytes.count) else { return }
    buffer.append(bytes)
  }

  mutating func append(_ value: String) {
    let lengthOffset = buffer.count
    guard begin(.text, byteCount: 0) else { return }
    guard let length = buffer.append(value) else { return report("a text holds a NUL character, which PostgreSQL cannot store") }
    buffer.overwrite(Int32(clamping: length), at: lengthOffset)
    if length > WireLimits.parameterBytes { report("a text is longer than \(WireLimits.parameterBytes) bytes") }
  }

  mutating func finish() -> WireBuffer {
    buffer.overwrite(hasNull ? 1 : 0, at: Header.hasNull)
    buffer.overwrite(Int32(clamping: count), at: Header.length)
    return buffer
  }

  private mutating func writeHeader() {
    for field in [1, 0, Int32(bitPattern: element.rawValue), 0, 1] as [Int32] { buffer.append(field) }
  }

  private mutating func begin(_ type: PostgresType, byteCount: Int) -> Bool {
    guard accepts(type, byteCount: byteCount) else { return false }
    count += 1
    buffer.append(Int32(byteCount))
    return true
  }

  private mutating func accepts(_ type: PostgresType, byteCount: Int) -> Bool {
    guard type == element else {
      report("a \(type) was appended to an array of \(element)")
      return false
    }
    guard byteCount <= WireLimits.parameterBytes - buffer.count else {
      report("an array is larger than \(WireLimits.parameterBytes) bytes")
      return false
    }
    return true
  }

  private mutating func report(_ text: String) {
    if problem == nil { problem = "\(text) (element \(count))" }
  }
}
