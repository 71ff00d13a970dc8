import Foundation

/// A value that can be sent as a statement parameter.
public protocol ParameterValue: Sendable {
  func encode(into parameters: inout Parameters)
}

/// The values of `$1`, `$2`, ... in binary format, in one block of memory that can be reused.
///
/// A mistake (wrong type, NUL in a text) is kept and reported when the statement is submitted.
public struct Parameters: Sendable {
  private(set) var buffer = WireBuffer()
  /// Where each value ends in the buffer; a null has length -1.
  private(set) var slots: [Slot] = []
  private(set) var problem: String?

  struct Slot: Sendable {
    let start: Int
    let length: Int32
    /// Nil for a null without a type, which fits every parameter.
    let type: PostgresType?
  }

  public init() {}

  /// The values in order: `Parameters(id, Int64(5), nil as String?)`.
  public init<each Value: ParameterValue>(_ values: repeat each Value) {
    repeat (each values).encode(into: &self)
  }

  public var count: Int { slots.count }

  public mutating func removeAll() {
    buffer.removeAll()
    slots.removeAll(keepingCapacity: true)
    problem = nil
  }

  public mutating func append(_ value: some ParameterValue) { value.encode(into: &self) }

  public mutating func appendNull() { slots.append(Slot(start: buffer.count, length: -1, type: nil)) }

  /// Appends a `timestamptz`, in microseconds since the Unix epoch.
  public mutating func appendTimestamp(microseconds: Int64) {
    fixed(PostgresEpoch.fromUnix(microseconds), .timestamptz)
  }

  public mutating func appendInterval(microseconds: Int64) {
    write(.interval) {
      $0.append(microseconds)
      $0.append(Int64(0))
    }
  }

  /// Copies what the column holds now; the column may be emptied right after.
  public mutating func append(_ column: ArrayColumn) {
    write(column.type) { $0.append(column.finish()) }
    if let text = column.problem { report(text) }
  }

  /// Why these parameters cannot be sent with the statement, nil when they can.
  func mismatch(with statement: Statement) -> String? {
    if let problem { return problem }
    guard slots.count == statement.parameterTypes.count else {
      return "it takes \(statement.parameterTypes.count) parameters, \(slots.count) were given"
    }
    for (index, slot) in slots.enumerated() {
      if let type = slot.type, type != statement.parameterTypes[index] {
        return "parameter \(index + 1) is declared as \(statement.parameterTypes[index]), a \(type) was given"
      }
    }
    return nil
  }

  mutating func fixed<Value: FixedWidthInteger>(_ value: Value, _ type: PostgresType) {
    write(type) { $0.append(value) }
  }

  mutating func write(_ type: PostgresType, _ body: (inout WireBuffer) -> Void) {
    let start = buffer.count
    body(&buffer)
    let length = buffer.count - start
    slots.append(Slot(start: start, length: Int32(clamping: length), type: type))
    if length > WireLimits.parameterBytes { report("it is larger than \(WireLimits.parameterBytes) bytes") }
  }

  mutating func report(_ text: String) {
    if problem == nil { problem = "parameter \(slots.count): \(text)" }
  }
}

extension Bool: ParameterValue {
  public func encode(into parameters: inout Parameters) { parameters.fixed(UInt8(self ? 1 : 0), .bool) }
}

extension Int16: ParameterValue {
  public func encode(into parameters: inout Parameters) { parameters.fixed(self, .int2) }
}

extension Int32: ParameterValue {
  public func encode(into parameters: inout Parameters) { parameters.fixed(self, .int4) }
}

extension Int64: ParameterValue {
  public func encode(into parameters: inout Parameters) { parameters.fixed(self, .int8) }
}

extension Double: ParameterValue {
  public func encode(into parameters: inout Parameters) { parameters.fixed(bitPattern, .float8) }
}

extension UUID: ParameterValue {
  public func encode(into parameters: inout Parameters) { parameters.write(.uuid) { $0.append(self) } }
}

extension String: ParameterValue {
  public func encode(into parameters: inout Parameters) {
    var isStorable = false
    parameters.write(.text) { isStorable = $0.append(self) != nil }
    if !isStorable { parameters.report("the text holds a NUL character, which PostgreSQL cannot store") }
  }
}

extension Array: ParameterValue where Element == UInt8 {
  public func encode(into parameters: inout Parameters) { parameters.write(.bytea) { buffer in withUnsafeBytes { buffer.append($0) } } }
}

extension Optional: ParameterValue where Wrapped: ParameterValue {
  public func encode(into parameters: inout Parameters) {
    if let self { self.encode(into: &parameters) } else { parameters.appendNull() }
  }
}
