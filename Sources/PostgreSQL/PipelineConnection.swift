import CPostgreSQL
import Glibc

/// What became of one submitted transaction.
public enum TransactionOutcome: Sendable {
  /// Committed; one result per statement.
  case success([Rows])
  /// Rolled back as a whole because of this statement.
  case failure(DatabaseError, statementIndex: Int)
}

/// One connection in non-blocking pipeline mode, for a thread that polls its socket itself.
///
/// Loop: `submit`, `flush`, poll ``socket`` for input (and for output while ``wantsWrite``), `receive`.
/// Not Sendable: one thread uses it. After an error is thrown by `flush` or `receive` the connection is broken; make a new one.
public final class PipelineConnection {
  private let session: ServerSession
  private var ledger = PipelineLedger<Rows>()
  private var script: ScriptExecution?
  private var prepared = PreparedStatements()
  private var breakage: DatabaseError?
  public private(set) var wantsWrite = false

  /// Connects; blocks for at most the configured time per host.
  public init(_ configuration: ConnectionConfiguration) throws {
    session = try ServerSession(configuration)
  }

  public var socket: Int32 { session.socket }
  public var isBroken: Bool { breakage != nil }
  /// Transactions submitted whose outcome was not received yet.
  public var inFlight: Int { ledger.inFlight + (script == nil ? 0 : 1) }
  var raw: OpaquePointer { session.raw }

  /// Queues the statements and one Sync: one implicit transaction, committed only when every statement succeeds.
  ///
  /// Everything is copied out of the parameters before this returns. Throws with code `invalidStatement`, nothing sent and the
  /// connection still good, when parameters do not fit. Call ``flush()`` after it; any number of transactions may be in flight.
  public func submit(_ transaction: [BoundStatement]) throws {
    if let breakage { throw breakage }
    guard script == nil else { throw DatabaseError(.invalidStatement, "a script is running on this connection") }
    try Self.validate(transaction)
    prepared.beginGroup()
    var uses: [PreparedStatements.Use] = []
    do {
      for bound in transaction { uses.append(try prepared.use(bound.statement)) }
    } catch {
      // Nothing was sent: what this group was to prepare does not exist.
      for case .prepareFirst(let name) in uses { prepared.forget(serverName: name) }
      throw error
    }
    do {
      try send(transaction, uses)
    } catch let error as DatabaseError {
      throw broke(error)
    }
  }

  /// Sends what is queued; true when everything left, false when the socket must become writable first.
  @discardableResult public func flush() throws -> Bool {
    if let breakage { throw breakage }
    do {
      let isDone = try session.flush()
      wantsWrite = !isDone
      return isDone
    } catch let error as DatabaseError {
      throw broke(error)
    }
  }

  /// Takes what has arrived, without waiting; returns the transactions that ended, in the order of submission.
  public func receive() throws -> [TransactionOutcome] {
    if script != nil { return [try receiveScript()].compactMap(\.self) }
    if breakage == nil {
      do { try readResults() } catch let error as DatabaseError { broke(error) }
    }
    let finished = ledger.takeOutcomes()
    // Outcomes known before the connection ended are delivered first; the next call throws.
    if finished.isEmpty, let breakage { throw breakage }
    return finished.map { outcome in
      switch outcome {
      case .success(let rows): .success(rows)
      case .failure(let error, let index): .failure(error, statementIndex: index)
      }
    }
  }

  private static func validate(_ transaction: [BoundStatement]) throws {
    guard transaction.count <= WireLimits.statementsPerTransaction else {
      throw DatabaseError(.invalidStatement, "a transaction of \(transaction.count) statements; split it")
    }
    for bound in transaction {
      if let reason = bound.parameters.mismatch(with: bound.statement) {
        var error = DatabaseError(.invalidStatement, reason)
        error.statement = bound.statement.name
        throw error
      }
    }
  }

  private func send(_ transaction: [BoundStatement], _ uses: [PreparedStatements.Use]) throws {
    var steps: [PipelineLedger<Rows>.Step] = []
    steps.reserveCapacity(transaction.count)
    for (index, bound) in transaction.enumerated() {
      switch uses[index] {
      case .prepareFirst(let name):
        try session.prepare(name: name, bound.statement)
        try session.execute(prepared: name, bound.parameters)
        steps.append(.prepare(index, name: name))
      case .byName(let name): try session.execute(prepared: name, bound.parameters)
      case .unprepared: try session.execute(unprepared: bound.statement, bound.parameters)
      }
      steps.append(.execute(index))
    }
    try session.sync()
    ledger.begin(steps, statements: transaction.map(\.statement.name))
  }

  private func readResults() throws {
    try session.consumeInput()
    var emptyReads = 0
    while ledger.inFlight > 0, PQisBusy(session.raw) == 0 {
      if let result = PQgetResult(session.raw) {
        emptyReads = 0
        try handle(result)
      } else {
        // One nil ends each statement's results; more in a row mean libpq has nothing where a reply is due.
        emptyReads += 1
        guard emptyReads < 3, PQstatus(session.raw) == CONNECTION_OK else { throw session.lost() }
      }
    }
    guard PQstatus(session.raw) == CONNECTION_OK else { throw session.lost() }
  }

  private func handle(_ result: OpaquePointer) throws {
    let effect: PipelineLedger<Rows>.Effect
    switch PQresultStatus(result) {
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
      effect = ledger.succeeded(Rows(owning: result))
    case PGRES_PIPELINE_SYNC:
      PQclear(result)
      effect = ledger.synced()
    case PGRES_PIPELINE_ABORTED:
      PQclear(result)
      effect = ledger.skipped()
    default:
      let error = ServerReport.error(of: result, statement: ledger.currentStatement)
      PQclear(result)
      if error.isStalePlan, let statement = error.statement { prepared.renew(statement) }
      effect = ledger.failed(error)
    }
    switch effect {
    case .none: break
    case .prepared(let name): prepared.confirm(serverName: name)
    case .finished(let names): for name in names { prepared.forget(serverName: name) }
    case .outOfStep: throw DatabaseError(.connectionLost, "PostgreSQL and this program disagree about the results on a connection")
    }
  }

  /// Remembers the end of the connection; what is in flight may or may not have been committed.
  @discardableResult private func broke(_ error: DatabaseError) -> DatabaseError {
    var final = error
    // The server's last words say more than "the connection ended".
    if let reported = ledger.currentFailure, reported.isConnectionLost {
      final = DatabaseError(.connectionLost, "the server ended the connection: \(reported.message)")
      final.sqlState = reported.sqlState
      final.severity = reported.severity
    }
    final.outcomeUnknown = inFlight > 0
    breakage = final
    wantsWrite = false
    return final
  }
}

// MARK: - Scripts

extension PipelineConnection {
  /// Sends several statements as one text by the simple protocol; needs a connection with nothing in flight.
  ///
  /// Without `begin` in it, a script is one transaction. Its outcome comes from `receive` and holds no rows.
  func submit(script text: String) throws {
    if let breakage { throw breakage }
    guard inFlight == 0 else { throw DatabaseError(.invalidStatement, "a script needs a connection with nothing in flight") }
    guard text.utf8.count <= WireLimits.scriptBytes, !text.utf8.contains(0) else {
      throw DatabaseError(.invalidStatement, "a script is at most \(WireLimits.scriptBytes) bytes and holds no NUL")
    }
    guard PQexitPipelineMode(raw) == 1, PQsendQuery(raw, text) == 1 else { throw broke(session.lost()) }
    script = ScriptExecution()
  }

  private func receiveScript() throws -> TransactionOutcome? {
    if let breakage { throw breakage }
    do {
      try session.consumeInput()
      guard try script?.takeResults(of: raw) == true else { return nil }
      guard PQenterPipelineMode(raw) == 1 else { throw session.lost() }
    } catch let error as DatabaseError {
      throw broke(error)
    }
    defer { script = nil }
    return script?.failure.map { .failure($0, statementIndex: 0) } ?? .success([])
  }

  /// Runs a script and waits for it: for startup code, with nothing else in flight.
  func run(script text: String, timeout: Duration) throws {
    try submit(script: text)
    if case .failure(let error, _) = try waitForOutcome(until: .now + timeout) { throw error }
  }
}

// MARK: - Waiting

extension PipelineConnection {
  /// Runs one transaction and waits for it: for startup code, with nothing else in flight.
  ///
  /// Throws the failing statement's error; after `timedOut` the connection is broken and the outcome unknown.
  public func run(_ statements: BoundStatement..., timeout: Duration = .seconds(30)) throws -> [Rows] {
    guard inFlight == 0 else {
      throw DatabaseError(.invalidStatement, "run needs a connection with nothing in flight, \(inFlight) transactions are")
    }
    try submit(statements)
    switch try waitForOutcome(until: .now + timeout) {
    case .success(let rows): return rows
    case .failure(let error, _): throw error
    }
  }

  private func waitForOutcome(until deadline: ContinuousClock.Instant) throws -> TransactionOutcome {
    while true {
      try flush()
      if let outcome = try receive().first { return outcome }
      let remaining = deadline - .now
      guard remaining > .zero else {
        throw broke(DatabaseError(.timedOut, "PostgreSQL did not answer in time; the connection was given up"))
      }
      let events = Int16(POLLIN) | (wantsWrite ? Int16(POLLOUT) : 0)
      var descriptor = pollfd(fd: socket, events: events, revents: 0)
      _ = poll(&descriptor, 1, Int32(clamping: max(1, remaining.wholeMilliseconds)))
    }
  }
}

extension Duration {
  /// Rounded up, so that waiting this long never ends before the duration.
  var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
  }
}
