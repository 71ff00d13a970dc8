import PostgreSQL

/// A client's name for its request, and the fingerprint of what it sent: the same request again changes nothing.
public struct RequestKey: Sendable, Equatable {
  public let key: String
  /// SHA-256, 32 bytes.
  public let fingerprint: [UInt8]

  public init(_ key: String, fingerprint: [UInt8]) {
    self.key = key
    self.fingerprint = fingerprint
  }
}

extension Parameters {
  /// Two parameters.
  mutating func append(_ request: RequestKey?) {
    append(request?.key)
    append(request?.fingerprint)
  }

  /// Null for nil.
  mutating func append(_ numbers: [Int32]?) {
    guard let numbers else { return appendNull() }
    let column = ArrayColumn(.int4)
    for number in numbers { column.append(number) }
    append(column)
  }
}
