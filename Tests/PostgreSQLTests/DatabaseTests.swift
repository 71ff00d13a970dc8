import Foundation
import PostgreSQL
import Synchronization
import TestSupport
import Testing

struct DatabaseTests {
  private let echo = Statement(name: "echo", sql: "select $1, pg_backend_pid()", parameterTypes: [.int4])
  private let insert = Statement(name: "insert", sql: "insert into numbers values ($1)", parameterTypes: [.int4])
  private let count = Statement(name: "count", sql: "select count(*) from numbers")
  private let sleep = Statement(name: "sleep", sql: "select pg_sleep(60)::text")
  private let sleepers = Statement(
    name: "sleepers", sql: "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'")
  private let backends = Statement(name: "backends", sql: "select count(*) from pg_stat_activity where datname = current_database()")

  private struct Refusal: Error, Equatable {}

  private func database(connections: Int = 4, statementTimeout: Duration? = nil) async throws -> Database {
    let database = try Database(TestCluster.createDatabase(), maximumConnections: connections, statementTimeout: statementTimeout)
    try await database.execute(script: "create table numbers (n int primary key); create table other (n int)")
    return database
  }

  private func wait(_ database: Database, _ statement: Statement, until expected: Int64) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while try await database.query(statement).int64(0, 0) != expected {
      try #require(ContinuousClock.now < deadline, "\(statement.name) never became \(expected)")
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  @Test func `two thousand concurrent queries share four connections and each gets its own answer`() async throws {
    let database = try await database()
    let processes = try await withThrowingTaskGroup(of: Int32.self) { group in
      for number in 0..<Int32(2_000) {
        group.addTask {
          let rows = try await database.query(echo, Parameters(number))
          #expect(try rows.int32(0, 0) == number)
          return try rows.int32(0, 1)
        }
      }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(processes.count <= 4)
    await database.shutdown()
  }

  @Test func `a cancelled query ends at once, is stopped on the server, and its connection is not used again`() async throws {
    let database = try await database(connections: 2)
    let task = Task { try await database.query(sleep) }
    try await wait(database, sleepers, until: 1)
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    try await wait(database, sleepers, until: 0)
    try await wait(database, backends, until: 1)
    await database.shutdown()
  }

  @Test func `a query cancelled while it waits for a connection leaves the line`() async throws {
    let database = try await database(connections: 1)
    let holder = Task { try await database.query(sleep) }
    let waiter = Task { try await database.query(count) }
    waiter.cancel()
    await #expect(throws: CancellationError.self) { try await waiter.value }
    holder.cancel()
    await #expect(throws: CancellationError.self) { try await holder.value }
    #expect(try await database.query(count).int64(0, 0) == 0)
    await database.shutdown()
  }

  @Test func `a transaction is committed when its closure returns and rolled back when it throws`() async throws {
    let database = try await database()
    let seen = try await database.transaction(isolation: .serializable) { transaction in
      _ = try await transaction.query(insert, Parameters(Int32(1)))
      return try await transaction.query(count).int64(0, 0)
    }
    #expect(seen == 1)
    await #expect(throws: Refusal()) {
      try await database.transaction { transaction in
        _ = try await transaction.query(insert, Parameters(Int32(2)))
        throw Refusal()
      }
    }
    #expect(try await database.query(count).int64(0, 0) == 1)
    await database.shutdown()
  }

  @Test func `a swallowed statement error cannot make a commit look successful`() async throws {
    let database = try await database(connections: 1)
    let error = await #expect(throws: DatabaseError.self) {
      try await database.transaction { transaction in
        _ = try await transaction.query(insert, Parameters(Int32(1)))
        _ = try? await transaction.query(insert, Parameters(Int32(1)))
      }
    }
    #expect(error?.code == .transactionAborted)
    #expect(try await database.query(count).int64(0, 0) == 0)
    await database.shutdown()
  }

  @Test func `a transaction cancelled in mid-statement leaves nothing behind`() async throws {
    let database = try await database(connections: 2)
    let task = Task {
      try await database.transaction { transaction in
        _ = try await transaction.query(insert, Parameters(Int32(7)))
        _ = try await transaction.query(sleep)
      }
    }
    try await wait(database, sleepers, until: 1)
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    // Its row lock is gone: the same key can be inserted.
    _ = try await database.query(insert, Parameters(Int32(7)))
    #expect(try await database.query(count).int64(0, 0) == 1)
    await database.shutdown()
  }

  @Test func `a transaction used after its end is refused`() async throws {
    let database = try await database()
    let leaked = try await database.transaction { $0 }
    let error = await #expect(throws: DatabaseError.self) { try await leaked.query(count) }
    #expect(error?.code == .transactionFinished)
    await database.shutdown()
  }

  @Test func `a script that leaves a transaction open does not hand it to the next caller`() async throws {
    let database = try await database(connections: 1)
    try await database.execute(script: "begin; insert into numbers values (1)")
    #expect(try await database.query(count).int64(0, 0) == 0)
    let error = await #expect(throws: DatabaseError.self) {
      try await database.execute(script: "insert into numbers values (1); select 1 / 0; insert into numbers values (2)")
    }
    #expect(error?.sqlState == "22012")
    #expect(try await database.query(count).int64(0, 0) == 0)
    await database.shutdown()
  }

  @Test func `broken connections are replaced`() async throws {
    let configuration = try TestCluster.createDatabase()
    let database = try Database(configuration, maximumConnections: 2)
    let before = try await database.query(echo, Parameters(Int32(0))).int32(0, 1)
    let terminate = Statement(name: "terminate", sql: "select pg_terminate_backend($1, 5000)", parameterTypes: [.int4])
    _ = try PipelineConnection(configuration).run((terminate, Parameters(before)))
    let after = try await eventually { try await database.query(echo, Parameters(Int32(0))).int32(0, 1) }
    #expect(after != before)
    await database.shutdown()
  }

  /// A connection that has just died may fail one query before the pool notices.
  private func eventually<Value>(_ body: () async throws -> Value) async throws -> Value {
    do { return try await body() } catch let error as DatabaseError where error.isRetryable { return try await body() }
  }

  @Test func `a statement that runs too long is ended by the server`() async throws {
    let database = try await database(statementTimeout: .milliseconds(100))
    let error = await #expect(throws: DatabaseError.self) { try await database.query(sleep) }
    #expect(error?.sqlState == "57014")
    #expect(try await database.query(count).int64(0, 0) == 0)
    await database.shutdown()
  }

  @Test func `requests fail with the reason when no connection can be made in time`() async throws {
    let database = try Database(
      ConnectionConfiguration("host=/nowhere user=nobody"), maximumConnections: 2, acquireTimeout: .milliseconds(300))
    let error = await #expect(throws: DatabaseError.self) { try await database.query(count) }
    #expect(error?.code == .poolExhausted)
    #expect(error?.description.contains("/nowhere") == true)
    await database.shutdown()
  }

  @Test func `after a shutdown everything is refused and shutting down again is harmless`() async throws {
    let database = try await database()
    async let running = database.query(echo, Parameters(Int32(5)))
    _ = try await running
    await database.shutdown()
    await database.shutdown()
    let error = await #expect(throws: DatabaseError.self) { try await database.query(count) }
    #expect(error?.code == .shutDown)
    let listening = await #expect(throws: DatabaseError.self) { try await database.listen(to: ["x"]) }
    #expect(listening?.code == .shutDown)
  }
}
