import CPostgreSQL
import Foundation

@testable import PostgreSQL

/// Values in PostgreSQL's binary format, in both directions.
enum PostgreSQLTargets {
  static let all = [
    FuzzTarget(name: "postgresql-rows", check: rows),
    FuzzTarget(name: "postgresql-arrays", check: arrays),
  ]

  private static let types: [PostgresType] = [
    .bool, .bytea, .int2, .int4, .int8, .float8, .text, .timestamptz, .interval, .uuid, .jsonb, .int8Array,
  ]

  /// One column of a type and a format that the input chooses, with values of any length.
  @Sendable private static func rows(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let type = types[Int(input.byte()) % types.count]
    let isText = input.byte() & 15 == 0
    var values: [[UInt8]?] = []
    while !input.isEmpty, values.count < 8 {
      let length = input.byte()
      values.append(length == 255 ? nil : input.bytes(Int(length & 31)))
    }
    let rows = try result(type, isText: isText, values)
    for row in -1...values.count { try readAll(rows, row) }
    for (row, value) in values.enumerated() where type == .int8 && !isText {
      let expected = value.flatMap { $0.count == 8 ? $0.reduce(0) { $0 << 8 | Int64($1) } : nil }
      try must(try taken(unless: DatabaseError.self) { try rows.int64(row, 0) } == expected, "a number is read as it was sent")
    }
  }

  private static func readAll(_ rows: Rows, _ row: Int) throws {
    let readers: [(Int, Int) throws -> Any] = [
      rows.isNull, rows.int16, rows.int32, rows.int64, rows.bool, rows.double, rows.timestamp, rows.uuid, rows.bytes, rows.text,
    ]
    for column in -1...1 {
      for read in readers { _ = try taken(unless: DatabaseError.self) { try read(row, column) } }
    }
    _ = try taken(unless: DatabaseError.self) { try rows.optional(row, 0, rows.text) }
  }

  private static func result(_ type: PostgresType, isText: Bool, _ values: [[UInt8]?]) throws -> Rows {
    guard let result = PQmakeEmptyPGresult(nil, PGRES_TUPLES_OK) else { throw BrokenProperty(description: "no memory for a result") }
    var isFilled = "value".withCString { name in
      var column = PGresAttDesc(
        name: UnsafeMutablePointer(mutating: name), tableid: 0, columnid: 0, format: isText ? 0 : 1, typid: type.rawValue, typlen: -1,
        atttypmod: -1)
      return PQsetResultAttrs(result, 1, &column) == 1
    }
    for (row, value) in values.enumerated() where isFilled {
      var copy = (value ?? []).map(CChar.init(bitPattern:))
      isFilled = PQsetvalue(result, Int32(row), 0, &copy, value.map { Int32($0.count) } ?? -1) == 1
    }
    try must(isFilled, "libpq takes every value")
    return Rows(owning: result)
  }

  /// What an array column writes, read by the format's own rules: header, then a length and bytes for each element.
  @Sendable private static func arrays(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let column = ArrayColumn([.int8, .text, .bytea, .uuid][Int(input.byte() & 3)])
    var expected: [[UInt8]?] = []
    while !input.isEmpty, expected.count < 64 {
      if input.byte() & 7 == 0 {
        column.appendNull()
        expected.append(nil)
      } else {
        expected.append(append(&input, to: column))
      }
      if column.problem != nil { return }
    }
    var written = FuzzInput(column.finish().withBytes { Array($0) })
    let header = (0..<5).map { _ in written.integer(Int32.self) }
    let hasNull: Int32 = expected.contains { $0 == nil } ? 1 : 0
    try must(header == [1, hasNull, Int32(bitPattern: column.element.rawValue), Int32(expected.count), 1], "the header is \(header)")
    for value in expected {
      let length = written.integer(Int32.self)
      try must(length == value.map { Int32($0.count) } ?? -1, "an element has its length before it")
      if let value { try must(written.bytes(Int(length)) == value, "an element is written as it is") }
    }
    try must(written.isEmpty, "nothing follows the last element")
  }

  private static func append(_ input: inout FuzzInput, to column: ArrayColumn) -> [UInt8] {
    switch column.element {
    case .int8:
      let number = input.integer(Int64.self)
      column.append(number)
      return withUnsafeBytes(of: number.bigEndian) { Array($0) }
    case .text:
      let text = input.text()
      column.append(text)
      return Array(text.utf8)
    case .uuid:
      let bytes = input.bytes(16) + [UInt8](repeating: 0, count: 16)
      let id = bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
      column.append(id)
      return Array(bytes.prefix(16))
    default:
      let bytes = input.bytes(Int(input.byte() & 31))
      column.append(bytes)
      return bytes
    }
  }
}
