import CPostgreSQL
import Foundation

/// The rows one statement returned, read in place.
///
/// Readers throw ``DatabaseError`` with code `unexpectedResult` on a null, on another type, or outside the result.
// A PGresult is never changed after libpq handed it out, and only deinit frees it: any thread may read it.
public final class Rows: @unchecked Sendable {
  private let result: OpaquePointer
  /// The number of rows.
  public let count: Int
  public let columnCount: Int

  /// Takes ownership of a result.
  init(owning result: OpaquePointer) {
    self.result = result
    count = Int(PQntuples(result))
    columnCount = Int(PQnfields(result))
  }

  deinit { PQclear(result) }

  /// Rows inserted, updated, deleted or selected, as the command tag says; 0 for other commands.
  public var affectedRows: Int { PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0 }

  /// The command tag, for example `INSERT 0 5` or `ROLLBACK`.
  public var commandTag: String { PQcmdStatus(result).map { String(cString: $0) } ?? "" }

  public func columnIndex(named name: String) throws -> Int {
    let index = PQfnumber(result, "\"\(name.replacing("\"", with: "\"\""))\"")
    guard index >= 0 else { throw DatabaseError(.unexpectedResult, "the result has no column \(name)") }
    return Int(index)
  }

  public func isNull(_ row: Int, _ column: Int) throws -> Bool {
    try check(row, column)
    return PQgetisnull(result, Int32(row), Int32(column)) == 1
  }

  public func int16(_ row: Int, _ column: Int) throws -> Int16 { try integer(row, column, .int2) }
  public func int32(_ row: Int, _ column: Int) throws -> Int32 { try integer(row, column, .int4) }
  public func int64(_ row: Int, _ column: Int) throws -> Int64 { try integer(row, column, .int8) }
  public func bool(_ row: Int, _ column: Int) throws -> Bool { try integer(row, column, .bool) as UInt8 != 0 }

  public func double(_ row: Int, _ column: Int) throws -> Double {
    Double(bitPattern: try integer(row, column, .float8))
  }

  /// A `timestamptz` in microseconds since the Unix epoch; `infinity` is the largest integer, `-infinity` the smallest.
  public func timestamp(_ row: Int, _ column: Int) throws -> Int64 {
    PostgresEpoch.toUnix(try integer(row, column, .timestamptz))
  }

  public func uuid(_ row: Int, _ column: Int) throws -> UUID {
    let value = try value(row, column) { $0 == .uuid }
    guard value.count == 16 else { throw unexpected(row, column, "a uuid of \(value.count) bytes") }
    return UUID(uuid: value.loadUnaligned(as: uuid_t.self))
  }

  /// A copy of a `bytea`.
  public func bytes(_ row: Int, _ column: Int) throws -> [UInt8] {
    try withBytes(row, column) { [UInt8]($0) }
  }

  /// A `bytea` in place, valid only inside the closure.
  public func withBytes<Result>(_ row: Int, _ column: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
    try body(try value(row, column) { $0 == .bytea })
  }

  /// The text of `text`, `varchar`, `name`, `json`, `jsonb` or an enum.
  public func text(_ row: Int, _ column: Int) throws -> String {
    var value = try value(row, column) { !Self.fixedBinaryTypes.contains($0) && $0.element == nil }
    // jsonb travels as a version byte and the text.
    if type(column) == .jsonb { value = UnsafeRawBufferPointer(rebasing: value.dropFirst()) }
    return String(decoding: value, as: UTF8.self)
  }

  /// Nil for a null, else what the reader gives: `try rows.optional(0, 2, rows.text)`.
  public func optional<Value>(_ row: Int, _ column: Int, _ read: (Int, Int) throws -> Value) throws -> Value? {
    try isNull(row, column) ? nil : try read(row, column)
  }

  private static let fixedBinaryTypes: Set<PostgresType> = [.bool, .bytea, .int2, .int4, .int8, .float8, .timestamptz, .interval, .uuid]

  private func type(_ column: Int) -> PostgresType { PostgresType(rawValue: PQftype(result, Int32(column))) }

  private func integer<Value: FixedWidthInteger>(_ row: Int, _ column: Int, _ expected: PostgresType) throws -> Value {
    let value = try value(row, column) { $0 == expected }
    guard value.count == Value.bitWidth / 8 else { throw unexpected(row, column, "\(value.count) bytes") }
    return Value(bigEndian: value.loadUnaligned(as: Value.self))
  }

  private func value(_ row: Int, _ column: Int, accepts: (PostgresType) -> Bool) throws -> UnsafeRawBufferPointer {
    try check(row, column)
    guard accepts(type(column)), PQfformat(result, Int32(column)) == 1 else { throw unexpected(row, column, "\(type(column))") }
    guard PQgetisnull(result, Int32(row), Int32(column)) == 0 else { throw unexpected(row, column, "null") }
    return UnsafeRawBufferPointer(
      start: PQgetvalue(result, Int32(row), Int32(column)), count: Int(PQgetlength(result, Int32(row), Int32(column))))
  }

  private func check(_ row: Int, _ column: Int) throws {
    guard row >= 0, row < count, column >= 0, column < columnCount else {
      throw DatabaseError(
        .unexpectedResult, "row \(row), column \(column) was read of a result with \(count) rows and \(columnCount) columns")
    }
  }

  private func unexpected(_ row: Int, _ column: Int, _ found: String) -> DatabaseError {
    let name = PQfname(result, Int32(column)).map { String(cString: $0) } ?? "\(column)"
    return DatabaseError(.unexpectedResult, "column \(name) of row \(row) holds \(found), which the reader did not ask for")
  }
}
