import Testing

@testable import PostgreSQL

struct PipelineLedgerTests {
  private let failure = DatabaseError(.server, "refused")

  @Test func `values are delivered only at the Sync`() {
    var ledger = PipelineLedger<Int>()
    ledger.begin([.prepare(0, name: "a"), .execute(0), .execute(1)], statements: ["a", "b"])
    #expect(ledger.currentStatement == "a")
    #expect(ledger.succeeded(0) == .prepared("a"))
    #expect(ledger.succeeded(10) == .none)
    #expect(ledger.currentStatement == "b")
    #expect(ledger.succeeded(11) == .none)
    #expect(ledger.takeOutcomes().isEmpty)
    #expect(ledger.synced() == .finished(neverPrepared: []))
    guard case .success([10, 11]) = ledger.takeOutcomes().first else {
      Issue.record("no success")
      return
    }
    #expect(ledger.inFlight == 0)
  }

  @Test func `what the server skipped after a failure was never prepared`() {
    var ledger = PipelineLedger<Int>()
    ledger.begin([.prepare(0, name: "a"), .execute(0), .prepare(1, name: "b"), .execute(1)], statements: ["a", "b"])
    #expect(ledger.succeeded(0) == .prepared("a"))
    #expect(ledger.failed(failure) == .none)
    #expect(ledger.currentFailure?.message == "refused")
    #expect(ledger.skipped() == .none)
    #expect(ledger.skipped() == .none)
    #expect(ledger.synced() == .finished(neverPrepared: ["b"]))
    guard case .failure(_, statementIndex: 0) = ledger.takeOutcomes().first else {
      Issue.record("no failure")
      return
    }
  }

  @Test func `results that nothing waits for are noticed`() {
    var ledger = PipelineLedger<Int>()
    #expect(ledger.succeeded(1) == .outOfStep)
    #expect(ledger.failed(failure) == .outOfStep)
    #expect(ledger.synced() == .outOfStep)
    ledger.begin([.execute(0)], statements: ["a"])
    #expect(ledger.synced() == .outOfStep)
    #expect(ledger.skipped() == .outOfStep)
  }
}

struct PreparedStatementsTests {
  private let statement = Statement(name: "find", sql: "select 1")

  @Test func `a statement is prepared once and used by name in the same group`() throws {
    var prepared = PreparedStatements()
    prepared.beginGroup()
    #expect(try prepared.use(statement) == .prepareFirst("find"))
    #expect(try prepared.use(statement) == .byName("find"))
  }

  @Test func `a group sent before the reply does not rely on the name`() throws {
    var prepared = PreparedStatements()
    prepared.beginGroup()
    _ = try prepared.use(statement)
    prepared.beginGroup()
    #expect(try prepared.use(statement) == .unprepared)
    prepared.confirm(serverName: "find")
    #expect(try prepared.use(statement) == .byName("find"))
  }

  @Test func `a statement that is composed for one use is never prepared, and shares its name with others`() throws {
    var prepared = PreparedStatements()
    prepared.beginGroup()
    for sql in ["select 1", "select 2"] {
      #expect(try prepared.use(Statement(name: "composed", sql: sql, isPrepared: false)) == .unprepared)
    }
    #expect(try prepared.use(Statement(name: "composed", sql: "select 3")) == .prepareFirst("composed"))
  }

  @Test func `a Parse that never happened is sent again, a useless plan under a new name`() throws {
    var prepared = PreparedStatements()
    prepared.beginGroup()
    _ = try prepared.use(statement)
    prepared.forget(serverName: "find")
    prepared.beginGroup()
    #expect(try prepared.use(statement) == .prepareFirst("find"))
    prepared.confirm(serverName: "find")
    prepared.renew("find")
    prepared.beginGroup()
    #expect(try prepared.use(statement) == .prepareFirst("find#1"))
    // A late word about the old name changes nothing.
    prepared.confirm(serverName: "find")
    prepared.beginGroup()
    #expect(try prepared.use(statement) == .unprepared)
    prepared.confirm(serverName: "find#1")
    #expect(try prepared.use(statement) == .byName("find#1"))
  }
}
