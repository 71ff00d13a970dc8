/// Sizes this module refuses to exceed, so that an error names the value instead of the server closing the connection.
enum WireLimits {
  /// Parameters of one statement: a 16-bit count in the Bind message.
  static let parameters = 65_535
  /// Bytes of one parameter. The server's limit for one value is 1 GB minus one byte, for one message a little more.
  static let parameterBytes = 512 << 20
  /// Statements in one transaction sent at once: bounds the memory one group of results may hold.
  static let statementsPerTransaction = 10_000
  /// Bytes of one migration script.
  static let scriptBytes = 64 << 20
}

/// PostgreSQL counts microseconds from 2000-01-01T00:00:00Z, this module from 1970-01-01T00:00:00Z.
enum PostgresEpoch {
  static let microsecondsAfterUnixEpoch: Int64 = 946_684_800_000_000

  /// Values past the ends become `infinity` and `-infinity`, which PostgreSQL writes as the largest and smallest integer.
  static func fromUnix(_ microseconds: Int64) -> Int64 {
    if microseconds == .max { return .max }
    let (value, overflow) = microseconds.subtractingReportingOverflow(microsecondsAfterUnixEpoch)
    return overflow ? .min : value
  }

  static func toUnix(_ microseconds: Int64) -> Int64 {
    if microseconds == .min { return .min }
    let (value, overflow) = microseconds.addingReportingOverflow(microsecondsAfterUnixEpoch)
    return overflow ? .max : value
  }
}
