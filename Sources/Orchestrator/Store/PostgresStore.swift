import Foundation
import PostgreSQL

/// The owner's door to a real PostgreSQL: one pipelined connection for commits, one for reads, both polled by the owner's thread.
final class PostgresStore: EngineStore {
  fileprivate enum Read {
    case load([RunID])
    case inbox
    case timers
    case openRuns(slots: [Slot], from: RunID)
    case findRuns([WorkflowKey])
    case reset(ResetQuery)
  }

  private let configuration: ConnectionConfiguration
  private let processID: Int64
  /// Whether the owner asks whose the messages are.
  private let readsKeys: Bool
  private let writer: BatchWriter
  private var commits: PipelineConnection
  private var reads: PipelineConnection
  private var sentBatches: [Int] = []
  private var sentReads: [Read] = []
  private var answers: [StoreAnswer] = []
  private var reconnectAt = ContinuousClock.now
  private(set) var isConnected = true
  /// The poll said that something arrived or may be sent.
  var isReadable = true

  /// Connects; blocks until both connections stand.
  init(_ configuration: ConnectionConfiguration, processID: Int64, readsKeys: Bool = false) throws {
    self.configuration = configuration
    self.readsKeys = readsKeys
    self.processID = processID
    writer = BatchWriter(processID: processID)
    commits = try PipelineConnection(configuration)
    reads = try PipelineConnection(configuration)
    try beginSession()
  }

  /// Settings of every session of an owner: plans are pinned (a plan made while a table was empty halves the throughput), JIT never pays,
  /// and an owner frozen half-way in a transaction does not hold its locks for long.
  static let sessionSettings: [String: String] = [
    "jit": "off", "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "plan_cache_mode": "force_generic_plan",
    "idle_in_transaction_session_timeout": "5s", "synchronous_commit": "on", "search_path": "pg_catalog, public",
    "default_transaction_isolation": "read committed",
  ]

  /// The sockets to poll, with whether output waits.
  var sockets: [(descriptor: Int32, wantsWrite: Bool)] {
    isConnected ? [(commits.socket, commits.wantsWrite), (reads.socket, reads.wantsWrite)] : []
  }

  func commit(_ batch: CommitBatch, predecessor: Int?) {
    guard isConnected else {
      answers.append(.refused(batch: batch.number, .outcomeUnknown))
      return
    }
    if let reason = batch.unwritable {
      answers.append(.refused(batch: batch.number, .rejected(reason)))
      return
    }
    do {
      try commits.submit(writer.statements(for: batch, predecessor: predecessor))
      sentBatches.append(batch.number)
      try commits.flush()
    } catch let error as DatabaseError where error.code == .invalidStatement {
      answers.append(.refused(batch: batch.number, .rejected(error.description)))
    } catch {
      lost(error)
    }
  }

  func load(_ runs: [RunID]) {
    let column = ArrayColumn(.uuid)
    for run in runs { column.append(run.uuid) }
    var parameters = Parameters()
    parameters.append(column)
    ask(.load(runs), ReadStatements.run.map { ($0, parameters) })
  }

  func readInbox(slots: [Slot], above floor: Int64) {
    var parameters = Self.parameters(slots)
    parameters.append(floor)
    parameters.append(Int64(Limits.inboxRead))
    ask(.inbox, [(readsKeys ? ReadStatements.inboxWithKeys : ReadStatements.inbox, parameters)])
  }

  func readTimers(slots: [Slot], dueUntil: Int64) {
    var parameters = Self.parameters(slots)
    parameters.appendTimestamp(microseconds: dueUntil)
    ask(.timers, [(ReadStatements.timers, parameters)])
  }

  func readOpenRuns(slots: [Slot], from lowWater: RunID) {
    var parameters = Self.parameters(slots)
    parameters.append(lowWater.uuid)
    ask(.openRuns(slots: slots, from: lowWater), [(ReadStatements.openRuns, parameters)])
  }

  func findRuns(_ keys: [WorkflowKey]) {
    let (workflowID, namespace) = (ArrayColumn(.text), ArrayColumn(.text))
    for key in keys {
      workflowID.append(key.workflowID)
      namespace.append(key.namespace)
    }
    var parameters = Parameters()
    parameters.append(workflowID)
    parameters.append(namespace)
    ask(.findRuns(keys), [(ReadStatements.findRuns, parameters)])
  }

  func readReset(_ query: ResetQuery) {
    ask(.reset(query), ResetStatements.reading(query))
  }

  func takeAnswers() -> [StoreAnswer] {
    if !isConnected {
      reconnect()
    } else if isReadable {
      receive()
    }
    defer { answers.removeAll(keepingCapacity: true) }
    return answers
  }

  private static func parameters(_ slots: [Slot]) -> Parameters {
    let column = ArrayColumn(.int2)
    for slot in slots { column.append(slot.number) }
    var parameters = Parameters()
    parameters.append(column)
    return parameters
  }

  private func ask(_ read: Read, _ statements: [BoundStatement]) {
    guard isConnected else {
      answers.append(.readFailed(read.asked))
      return
    }
    do {
      try reads.submit(statements)
      sentReads.append(read)
      try reads.flush()
    } catch {
      answers.append(.readFailed(read.asked))
      lost(error)
    }
  }

  private func receive() {
    do {
      if commits.wantsWrite { try commits.flush() }
      if reads.wantsWrite { try reads.flush() }
      for outcome in try commits.receive() { answers.append(answer(outcome, sentBatches.removeFirst())) }
      for outcome in try reads.receive() { answers.append(answer(outcome, sentReads.removeFirst())) }
    } catch {
      lost(error)
    }
  }

  private func answer(_ outcome: TransactionOutcome, _ batch: Int) -> StoreAnswer {
    switch outcome {
    case .success: .committed(batch: batch)
    case .failure(let error, _): .refused(batch: batch, CommitRefusal(error))
    }
  }

  private func answer(_ outcome: TransactionOutcome, _ read: Read) -> StoreAnswer {
    switch outcome {
    case .success(let results):
      do {
        return try read.answer(results)
      } catch {
        Log.error("read-damaged", "\(error)")
        return .readFailed(read.asked)
      }
    case .failure(let error, _):
      Log.warning("read-failed", error.description)
      return .readFailed(read.asked)
    }
  }

  /// Whatever was on its way may have landed or not.
  private func lost(_ error: any Error) {
    guard isConnected else { return }
    isConnected = false
    Log.warning("connection-lost", "\(error)")
    for batch in sentBatches { answers.append(.refused(batch: batch, .outcomeUnknown)) }
    for read in sentReads { answers.append(.readFailed(read.asked)) }
    sentBatches = []
    sentReads = []
    reconnectAt = .now
    reconnect()
  }

  /// Batches that were sent on earlier connections and are still on their way no longer land: what is read from now on stays true.
  private func beginSession() throws {
    let rows = try commits.run((CommitStatements.beginSession, Parameters(processID)))[0]
    guard rows.count == 1 else { throw OrchestratorError(.ownershipLost, "process \(processID) is not registered") }
    writer.session = try rows.int64(0, 0)
  }

  private func reconnect() {
    guard ContinuousClock.now >= reconnectAt else { return }
    do {
      commits = try PipelineConnection(configuration)
      reads = try PipelineConnection(configuration)
      try beginSession()
      isConnected = true
      Log.info("connection-restored", "connected to PostgreSQL again")
    } catch {
      reconnectAt = .now + .milliseconds(Int64.random(in: 50...150))
    }
  }
}

extension PostgresStore.Read {
  fileprivate var asked: StoreRead {
    switch self {
    case .load(let runs): .load(runs)
    case .inbox: .inbox
    case .timers: .timers
    case .openRuns(let slots, let from): .openRuns(slots: slots, from: from)
    case .findRuns(let keys): .findRuns(keys)
    case .reset(let query): .reset(query)
    }
  }

  /// Of a row of `ReadStatements.inboxWithKeys`.
  private static func key(_ rows: Rows, _ row: Int) throws -> WorkflowKey? {
    guard rows.columnCount > 7, let workflowID = try rows.optional(row, 8, rows.text) else { return nil }
    return WorkflowKey(namespace: try rows.text(row, 7), workflowID: workflowID)
  }

  fileprivate func answer(_ results: [Rows]) throws -> StoreAnswer {
    let rows = results[0]
    switch self {
    case .load(let asked): return .loaded(try LoadedRuns.read(results, asked: asked))
    case .inbox:
      let window = try rows.count == 0 ? nil : TransactionWindow(oldestOpen: rows.int64(0, 5), next: rows.int64(0, 6))
      return .inbox(
        try (0..<rows.count).compactMap { row in
          guard let kind = InboxKind(rawValue: try rows.int16(row, 3)) else { return nil }
          return InboxRow(
            messageID: try rows.int64(row, 0), runID: RunID(try rows.uuid(row, 1)), slot: Slot(try rows.int16(row, 2)), kind: kind,
            attributes: try rows.bytes(row, 4), key: try Self.key(rows, row))
        }, window)
    case .timers:
      return .timers(
        try (0..<rows.count).compactMap { row in
          guard let kind = TimerRow.Kind(rawValue: try rows.int16(row, 4)) else { return nil }
          return TimerRow(
            slot: Slot(try rows.int16(row, 0)), dueAt: try rows.timestamp(row, 1), runID: RunID(try rows.uuid(row, 2)),
            sequence: try rows.int32(row, 3), kind: kind)
        })
    case .findRuns:
      return .foundRuns(
        try (0..<rows.count).map { row in
          FoundRuns(
            key: WorkflowKey(namespace: try rows.text(row, 1), workflowID: try rows.text(row, 0)),
            open: try rows.optional(row, 2) { RunID(try rows.uuid($0, $1)) },
            lastStatus: try rows.optional(row, 3) { CloseStatus(rawValue: try rows.int16($0, $1)) } ?? nil)
        })
    case .reset(let query): return .reset(try ResetStatements.read(results, query))
    case .openRuns(let slots, _): return .openRuns(try (0..<rows.count).map { RunID(try rows.uuid($0, 0)) }, of: slots)
    }
  }
}

extension CommitRefusal {
  init(_ error: DatabaseError) {
    let runs = (error.detail ?? "").split(separator: ",").compactMap { RunID(String($0)) }
    switch error.sqlState.flatMap({ ErrorCode.bySQLState[$0] }) {
    case ErrorCode.ownershipLost: self = .ownershipLost
    case ErrorCode.predecessorMissing: self = .predecessorMissing
    case ErrorCode.workflowAlreadyStarted: self = .alreadyStarted(runs)
    case ErrorCode.unseenMessage: self = .unseenMessages(runs)
    default:
      // A row that stands already was written by a batch whose answer was lost: what is in memory is stale, not wrong.
      // A value that retention removed while this batch referred to it is stored anew.
      let isStale = error.sqlState == "23505" || error.sqlState == "23503"
      self = isStale || error.isRetryable || error.outcomeUnknown ? .outcomeUnknown : .rejected(error.description)
    }
  }
}
