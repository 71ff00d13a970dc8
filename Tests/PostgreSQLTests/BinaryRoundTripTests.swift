import Foundation
import PostgreSQL
import TestSupport
import Testing

struct BinaryRoundTripTests {
  @Test func `every scalar type comes back as it was sent`() throws {
    let connection = try PipelineConnection(TestCluster.createDatabase())
    let id = UUID()
    let statement = Statement(
      name: "scalars", sql: "select $1, $2, $3, $4, $5, $6, $7, $8, $9",
      parameterTypes: [.int2, .int4, .int8, .bool, .float8, .text, .uuid, .bytea, .timestamptz])
    var parameters = Parameters(Int16.min, Int32.min, Int64.max, true, -0.1, "Grüße 🎵 世界", id, [0, 255, 1] as [UInt8])
    parameters.appendTimestamp(microseconds: 1_700_000_000_123_456)
    let rows = try connection.run((statement, parameters))[0]
    #expect(try rows.int16(0, 0) == .min)
    #expect(try rows.int32(0, 1) == .min)
    #expect(try rows.int64(0, 2) == .max)
    #expect(try rows.bool(0, 3))
    #expect(try rows.double(0, 4) == -0.1)
    #expect(try rows.text(0, 5) == "Grüße 🎵 世界")
    #expect(try rows.uuid(0, 6) == id)
    #expect(try rows.bytes(0, 7) == [0, 255, 1])
    #expect(try rows.timestamp(0, 8) == 1_700_000_000_123_456)
    #expect(rows.affectedRows == 1)
  }

  @Test func `PostgreSQL reads the values that were meant`() throws {
    let connection = try PipelineConnection(TestCluster.createDatabase())
    let statement = Statement(
      name: "meaning", sql: "select ($1 at time zone 'utc')::text, $2::text, $3::text, $4::text",
      parameterTypes: [.timestamptz, .interval, .uuid, .float8])
    var parameters = Parameters()
    parameters.appendTimestamp(microseconds: 1)
    parameters.appendInterval(microseconds: 90_000_001)
    parameters.append(UUID(uuidString: "00112233-4455-6677-8899-AABBCCDDEEFF"))
    parameters.append(2.5)
    let rows = try connection.run((statement, parameters))[0]
    #expect(try rows.text(0, 0) == "1970-01-01 00:00:00.000001")
    #expect(try rows.text(0, 1) == "00:01:30.000001")
    #expect(try rows.text(0, 2) == "00112233-4455-6677-8899-aabbccddeeff")
    #expect(try rows.text(0, 3) == "2.5")
  }

  @Test func `nulls and empty values are told apart`() throws {
    let connection = try PipelineConnection(TestCluster.createDatabase())
    let statement = Statement(name: "nulls", sql: "select $1, $2, $3, $4", parameterTypes: [.text, .text, .bytea, .int8])
    let rows = try connection.run((statement, Parameters("", nil as String?, [] as [UInt8], nil as Int64?)))[0]
    #expect(try rows.text(0, 0) == "")
    #expect(try rows.isNull(0, 1))
    #expect(try rows.bytes(0, 2) == [])
    #expect(try rows.optional(0, 3, rows.int64) == nil)
  }

  @Test func `infinite timestamps stay infinite in both directions`() throws {
    let connection = try PipelineConnection(TestCluster.createDatabase())
    let statement = Statement(name: "infinity", sql: "select $1, $1::text, '-infinity'::timestamptz", parameterTypes: [.timestamptz])
    var parameters = Parameters()
    parameters.appendTimestamp(microseconds: .max)
    let rows = try connection.run((statement, parameters))[0]
    #expect(try rows.timestamp(0, 0) == .max)
    #expect(try rows.text(0, 1) == "infinity")
    #expect(try rows.timestamp(0, 2) == .min)
  }

  @Test func `arrays of every element type come back with their nulls`() throws {
    let connection = try PipelineConnection(TestCluster.createDatabase())
    let id = UUID()
    let columns: [ArrayColumn] = [.int2, .int4, .int8, .bool, .float8, .text, .uuid, .bytea, .timestamptz, .interval].map(ArrayColumn.init)
    columns[0].append(Int16(-2))
    columns[1].append(Int32(-4))
    columns[2].append(Int64(-8))
    columns[3].append(true)
    columns[4].append(0.25)
    columns[5].append("naïve 🎶")
    columns[6].append(id)
    columns[7].append([9, 0])
    columns[8].appendTimestamp(microseconds: -1)
    columns[9].appendInterval(microseconds: 1_500_000)
    var parameters = Parameters()
    for column in columns {
      column.appendNull()
      parameters.append(column)
    }
    let statement = Statement(
      name: "arrays",
      sql: """
        select a, b, c, d, e, f, g, h, i, extract(epoch from j)::float8
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) x(a, b, c, d, e, f, g, h, i, j)
        """,
      parameterTypes: [
        .int2Array, .int4Array, .int8Array, .boolArray, .float8Array, .textArray, .uuidArray, .byteaArray, .timestamptzArray,
        .intervalArray,
      ])
    let rows = try connection.run((statement, parameters))[0]
    #expect(rows.count == 2)
    #expect(try rows.int16(0, 0) == -2)
    #expect(try rows.int32(0, 1) == -4)
    #expect(try rows.int64(0, 2) == -8)
    #expect(try rows.bool(0, 3))
    #expect(try rows.double(0, 4) == 0.25)
    #expect(try rows.text(0, 5) == "naïve 🎶")
    #expect(try rows.uuid(0, 6) == id)
    #expect(try rows.bytes(0, 7) == [9, 0])
    #expect(try rows.timestamp(0, 8) == -1)
    #expect(try rows.double(0, 9) == 1.5)
    #expect(try (0..<10).allSatisfy { try rows.isNull(1, $0) })
  }

  @Test func `an emptied column is an empty array and can be filled again`() throws {
    let connection = try PipelineConnection(TestCluster.createDatabase())
    let statement = Statement(name: "empty", sql: "select cardinality($1), $1::text", parameterTypes: [.textArray])
    let column = ArrayColumn(.text)
    for filling in [["a", "b"], [], ["ß"]] {
      column.removeAll()
      for text in filling { column.append(text) }
      var parameters = Parameters()
      parameters.append(column)
      let rows = try connection.run((statement, parameters))[0]
      #expect(try rows.int32(0, 0) == Int32(filling.count))
      #expect(try rows.text(0, 1) == "{\(filling.joined(separator: ","))}")
    }
  }

  @Test func `a text with NUL is refused before anything is sent, and the connection stays good`() throws {
    let connection = try PipelineConnection(TestCluster.createDatabase())
    let scalar = Statement(name: "scalar", sql: "select $1", parameterTypes: [.text])
    let array = Statement(name: "array", sql: "select $1", parameterTypes: [.textArray])
    let column = ArrayColumn(.text)
    column.append("a\0b")
    var parameters = Parameters()
    parameters.append(column)
    for bound in [(scalar, Parameters("se\0cret")), (array, parameters)] {
      let error = #expect(throws: DatabaseError.self) { try connection.run(bound) }
      #expect(error?.code == .invalidStatement)
      #expect(error?.description.contains("NUL") == true)
      #expect(error?.description.contains("cret") == false)
    }
    #expect(try connection.run((scalar, Parameters("fine")))[0].text(0, 0) == "fine")
  }

  @Test func `parameters of another type or number are refused by name and position`() throws {
    let connection = try PipelineConnection(TestCluster.createDatabase())
    let statement = Statement(name: "pair", sql: "select $1, $2", parameterTypes: [.int4, .text])
    let wrongType = #expect(throws: DatabaseError.self) { try connection.run((statement, Parameters(Int64(1), "x"))) }
    #expect(wrongType?.description.contains("parameter 1 is declared as int4, a int8 was given") == true)
    let wrongNumber = #expect(throws: DatabaseError.self) { try connection.run((statement, Parameters(Int32(1)))) }
    #expect(wrongNumber?.description.contains("takes 2 parameters, 1 were given in statement pair") == true)
  }

  @Test func `reading a null, another type or a missing place throws instead of inventing a value`() throws {
    let connection = try PipelineConnection(TestCluster.createDatabase())
    let rows = try connection.run((Statement(name: "shape", sql: "select null::int8 as missing, 1.5::float8 as number"), Parameters()))[0]
    #expect(throws: DatabaseError.self) { try rows.int64(0, 0) }
    #expect(throws: DatabaseError.self) { try rows.int64(0, 1) }
    #expect(throws: DatabaseError.self) { try rows.text(0, 1) }
    #expect(throws: DatabaseError.self) { try rows.double(1, 1) }
    #expect(throws: DatabaseError.self) { try rows.double(0, 2) }
    #expect(throws: DatabaseError.self) { try rows.columnIndex(named: "other") }
    #expect(try rows.columnIndex(named: "number") == 1)
  }
}
