import Foundation
import PostgreSQL
import TestSupport
import Testing

struct PipelineConnectionTests {
  private let insert = Statement(name: "insert", sql: "insert into numbers values ($1)", parameterTypes: [.int4])
  private let divide = Statement(name: "divide", sql: "select 1 / $1", parameterTypes: [.int4])
  private let count = Statement(name: "count", sql: "select count(*) from numbers")

  private func connect(_ configuration: ConnectionConfiguration? = nil) throws -> PipelineConnection {
    let connection = try PipelineConnection(configuration ?? TestCluster.createDatabase())
    _ = try connection.run((Statement(name: "table", sql: "create table if not exists numbers (n int primary key)"), Parameters()))
    return connection
  }

  private func outcomes(_ number: Int, of connection: PipelineConnection) throws -> [TransactionOutcome] {
    var all: [TransactionOutcome] = []
    while all.count < number {
      try connection.flush()
      var descriptor = pollfd(fd: connection.socket, events: Int16(POLLIN), revents: 0)
      try #require(poll(&descriptor, 1, 10_000) == 1)
      all += try connection.receive()
    }
    return all
  }

  @Test func `a failing statement rolls its whole group back, is named by index, and leaves the connection usable`() throws {
    let connection = try connect()
    try connection.submit([(insert, Parameters(Int32(1))), (divide, Parameters(Int32(0))), (insert, Parameters(Int32(2)))])
    guard case .failure(let error, let index) = try outcomes(1, of: connection)[0] else {
      Issue.record("the group succeeded")
      return
    }
    #expect(index == 1)
    #expect(error.sqlState == "22012")
    #expect(error.statement == "divide")
    #expect(!error.isRetryable)
    #expect(try connection.run((count, Parameters()))[0].int64(0, 0) == 0)
    // The third statement's Parse was skipped by the server: it must be prepared again.
    _ = try connection.run((insert, Parameters(Int32(2))), (divide, Parameters(Int32(1))))
    #expect(try connection.run((count, Parameters()))[0].int64(0, 0) == 1)
  }

  @Test func `two groups in flight end in order, and the failure of the first does not touch the second`() throws {
    let connection = try connect()
    try connection.submit([(divide, Parameters(Int32(0))), (insert, Parameters(Int32(1)))])
    try connection.submit([(insert, Parameters(Int32(2))), (divide, Parameters(Int32(1))), (count, Parameters())])
    #expect(connection.inFlight == 2)
    let both = try outcomes(2, of: connection)
    guard case .failure(_, statementIndex: 0) = both[0], case .success(let rows) = both[1] else {
      Issue.record("unexpected outcomes")
      return
    }
    #expect(rows.count == 3)
    #expect(try rows[1].int32(0, 0) == 1)
    #expect(try rows[2].int64(0, 0) == 1)
    #expect(connection.inFlight == 0)
  }

  @Test func `a thousand groups in flight all end in order`() throws {
    let connection = try connect()
    let echo = Statement(name: "echo", sql: "select $1", parameterTypes: [.int4])
    for number in 0..<1_000 { try connection.submit([(echo, Parameters(Int32(number)))]) }
    let all = try outcomes(1_000, of: connection)
    for (number, outcome) in all.enumerated() {
      guard case .success(let rows) = outcome else {
        Issue.record("group \(number) failed")
        return
      }
      #expect(try rows[0].int32(0, 0) == Int32(number))
    }
  }

  @Test func `a group larger than the socket's buffers is written in parts`() throws {
    let connection = try connect()
    let length = Statement(name: "length", sql: "select length($1)", parameterTypes: [.bytea])
    let rows = try connection.run((length, Parameters([UInt8](repeating: 7, count: 20 << 20))))
    #expect(try rows[0].int32(0, 0) == 20 << 20)
  }

  @Test func `a backend terminated in mid-group gives a typed error with unknown outcome`() throws {
    let configuration = try TestCluster.createDatabase()
    let connection = try connect(configuration)
    let process = try connection.run((Statement(name: "pid", sql: "select pg_backend_pid()"), Parameters()))[0].int32(0, 0)
    try connection.submit([
      (insert, Parameters(Int32(1))), (Statement(name: "sleep", sql: "select pg_sleep(60)::text"), Parameters()),
    ])
    try connection.flush()
    let other = try PipelineConnection(configuration)
    let running = Statement(
      name: "running", sql: "select 1 from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'", parameterTypes: [.int4])
    while try other.run((running, Parameters(process)))[0].count == 0 { usleep(2_000) }
    let terminate = Statement(name: "terminate", sql: "select pg_terminate_backend($1)", parameterTypes: [.int4])
    _ = try other.run((terminate, Parameters(process)))
    let error = #expect(throws: DatabaseError.self) { try outcomes(1, of: connection) }
    #expect(error?.code == .connectionLost)
    #expect(error?.sqlState == "57P01")
    #expect(error?.outcomeUnknown == true)
    #expect(error?.isRetryable == true)
    #expect(connection.isBroken)
    #expect(throws: DatabaseError.self) { try connection.submit([]) }
    #expect(try other.run((count, Parameters()))[0].int64(0, 0) == 0)
  }

  @Test func `a plan that a schema change made useless is prepared anew`() throws {
    let connection = try connect()
    let star = Statement(name: "star", sql: "select * from numbers")
    _ = try connection.run((star, Parameters()))
    _ = try connection.run((Statement(name: "alter", sql: "alter table numbers add column text text"), Parameters()))
    let error = #expect(throws: DatabaseError.self) { try connection.run((star, Parameters())) }
    #expect(error?.sqlState == "0A000")
    #expect(error?.isRetryable == true)
    _ = try connection.run((star, Parameters()))
  }

  @Test func `a reply that does not come in time gives the connection up`() throws {
    let connection = try connect()
    let sleep = Statement(name: "sleep", sql: "select pg_sleep(60)::text")
    let error = #expect(throws: DatabaseError.self) { try connection.run((sleep, Parameters()), timeout: .milliseconds(50)) }
    #expect(error?.code == .timedOut)
    #expect(error?.outcomeUnknown == true)
    #expect(connection.isBroken)
  }

  @Test func `two statements with one name but different SQL are refused`() throws {
    let connection = try connect()
    _ = try connection.run((Statement(name: "same", sql: "select 1"), Parameters()))
    let fresh = Statement(name: "fresh", sql: "select 3")
    #expect(throws: DatabaseError.self) {
      try connection.run((fresh, Parameters()), (Statement(name: "same", sql: "select 2"), Parameters()))
    }
    // The refused group was to prepare this one; it still gets prepared.
    _ = try connection.run((fresh, Parameters()))
    let prepared = Statement(name: "prepared", sql: "select count(*) from pg_prepared_statements where name = 'fresh'")
    #expect(try connection.run((prepared, Parameters()))[0].int64(0, 0) == 1)
  }

  @Test func `session settings reach the server, with spaces and backslashes`() throws {
    var configuration = try TestCluster.createDatabase()
    configuration.settings = ["jit": "off", "search_path": "public, pg_catalog", "orchestrator.note": #"a\b c"#]
    let connection = try PipelineConnection(configuration)
    let show = Statement(name: "show", sql: "select current_setting($1)", parameterTypes: [.text])
    for (name, value) in configuration.settings {
      #expect(try connection.run((show, Parameters(name)))[0].text(0, 0) == value)
    }
  }
}
