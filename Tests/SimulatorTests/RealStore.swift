import Foundation
import Glibc
import PostgreSQL
import TestSupport

@testable import Orchestrator

/// The real database behind the same questions as the model, each waited for.
final class RealStore {
  private let connection: PipelineConnection
  private var doors: [Int64: PostgresStore] = [:]
  /// Given up, but still connected.
  private var earlierDoors: [Int64: PostgresStore] = [:]
  private let database: ConnectionConfiguration

  init() throws {
    database = try TestCluster.createDatabase()
    try Schema.migrate(database)
    connection = try PipelineConnection(database)
  }

  /// The database's clock: microseconds since the Unix epoch.
  func now() throws -> Int64 {
    try connection.run((Statement(name: "conformance_now", sql: "select clock_timestamp()"), Parameters()))[0].timestamp(0, 0)
  }

  // Owners.

  func register(_ lease: Int64) throws -> Int64 {
    var parameters = Parameters("conformance", "build")
    parameters.appendInterval(microseconds: lease)
    let process = try connection.run((OwnershipStatements.register, parameters))[0].int64(0, 0)
    doors[process] = try PostgresStore(database, processID: process)
    return process
  }

  /// A new connection for commits, as after a break.
  func reconnect(_ process: Int64) throws {
    earlierDoors[process] = doors[process]
    doors[process] = try PostgresStore(database, processID: process)
  }

  /// - Parameter isLate: on the connection before the last reconnect.
  func commit(_ batch: CommitBatch, _ predecessor: Int?, by process: Int64, isLate: Bool) throws -> CommitRefusal? {
    let door = isLate ? earlierDoors[process]! : doors[process]!
    guard case .refused(_, let refusal) = try answer(door, { $0.commit(batch, predecessor: predecessor) }) else { return nil }
    return refusal
  }

  func load(_ runs: [RunID], by process: Int64) throws -> [LoadedRun] {
    guard case .loaded(let loaded) = try answer(process, { $0.load(runs) }) else { return [] }
    return loaded
  }

  func readInbox(_ slots: [Slot], by process: Int64) throws -> [InboxRow] {
    guard case .inbox(let rows, _) = try answer(process, { $0.readInbox(slots: slots, above: 0) }) else { return [] }
    return rows
  }

  func readTimers(_ slots: [Slot], dueUntil: Int64, by process: Int64) throws -> [TimerRow] {
    guard case .timers(let rows) = try answer(process, { $0.readTimers(slots: slots, dueUntil: dueUntil) }) else { return [] }
    return rows
  }

  func readOpenRuns(_ slots: [Slot], from mark: RunID, by process: Int64) throws -> [RunID] {
    guard case .openRuns(let runs, _) = try answer(process, { $0.readOpenRuns(slots: slots, from: mark) }) else { return [] }
    return runs
  }

  private func answer(_ process: Int64, _ ask: (PostgresStore) -> Void) throws -> StoreAnswer { try answer(doors[process]!, ask) }

  private func answer(_ door: PostgresStore, _ ask: (PostgresStore) -> Void) throws -> StoreAnswer {
    ask(door)
    while true {
      if let answer = door.takeAnswers().first { return answer }
      var sockets = door.sockets.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN) | ($0.wantsWrite ? Int16(POLLOUT) : 0), revents: 0) }
      poll(&sockets, nfds_t(sockets.count), 1000)
    }
  }

  // Ownership.

  func fence(_ processes: [Int64]) throws {
    let list = parameters(processes)
    _ = try connection.run(
      (OwnershipStatements.lockAssignment, Parameters()), (OwnershipStatements.fence, list), (OwnershipStatements.freeFenced, list),
      (OwnershipStatements.forgetHeartbeats, list))
  }

  func heartbeat(_ process: Int64) throws -> Bool {
    try connection.run((OwnershipStatements.heartbeat, Parameters(process)))[0].bool(0, 1)
  }

  func take(_ slots: [Slot], by process: Int64) throws -> [(slot: Slot, lowWater: RunID)] {
    var parameters = Parameters(process)
    parameters.append(column(slots))
    let rows = try connection.run((OwnershipStatements.lockAssignment, Parameters()), (OwnershipStatements.take, parameters))[1]
    return try (0..<rows.count).map { (Slot(try rows.int16($0, 0)), RunID(try rows.uuid($0, 1))) }
  }

  func release(_ slots: [Slot], lowWater: RunID, by process: Int64) throws {
    var parameters = Parameters(process)
    parameters.append(column(slots))
    parameters.append(lowWater.uuid)
    _ = try connection.run((OwnershipStatements.lockAssignment, Parameters()), (OwnershipStatements.release, parameters))
  }

  // Messages.

  func start(_ started: StartedAttributes, _ runID: RunID) throws {
    _ = try connection.run(
      (
        ClientStatements.start,
        Parameters(
          started.workflowType, started.workflowID, started.input.text, runID.uuid, started.namespace, "conformance",
          started.searchAttributes?.text, started.memo?.text, started.options?.payload.text)
      ))
  }

  func signal(_ key: WorkflowKey, requestID: String) throws {
    _ = try connection.run((ClientStatements.signal, Parameters(key.workflowID, "tick", "1", requestID, key.namespace, "conformance")))
  }

  // Tasks.

  func lease(_ queue: String, lease: Int64) throws -> [TaskLease] {
    var parameters = Parameters(queue, Int64(100), "worker")
    parameters.appendInterval(microseconds: lease)
    parameters.append(Int64.random(in: 1...Int64.max))
    let rows = try connection.run((ActivityTaskStatements.lease, parameters))[0]
    return try (0..<rows.count).map { try TaskLease(rows, $0) }
  }

  func heartbeat(_ key: ActivityKey, token: Int64, lease: Int64) throws -> [Bool] {
    var parameters = leases([(key, token)])
    let details = ArrayColumn(.bytea)
    details.append(Array("8".utf8))
    parameters.append(details)
    parameters.appendInterval(microseconds: lease)
    let rows = try connection.run((ActivityTaskStatements.heartbeat, parameters))[0]
    return try (0..<rows.count).map { try rows.bool($0, 2) }
  }

  func complete(_ key: ActivityKey, token: Int64, _ attributes: [UInt8]) throws -> Int {
    var parameters = leases([(key, token)])
    let column = ArrayColumn(.bytea)
    column.append(attributes)
    parameters.append(column)
    return try connection.run((ActivityTaskStatements.complete, parameters))[0].count
  }

  func fail(_ key: ActivityKey, token: Int64, _ failure: Failure) async throws -> Bool {
    let pool = try Database(database, maximumConnections: 1)
    defer { Task { await pool.shutdown() } }
    let workflow = WorkflowKey(namespace: "default", workflowID: "any")
    return try await TaskFailureWriter(database: pool, codec: nil).write(
      failure, key, workflow, token: token, worker: "worker")
  }

  func sweep() async throws {
    let pool = try Database(database, maximumConnections: 1)
    _ = try await TaskSweeper(pool, WakeUp(pool)).sweepOnce()
    await pool.shutdown()
  }

  func discard(_ key: ActivityKey, token: Int64) throws {
    _ = try connection.run((ActivityTaskStatements.discard, Parameters(key.runID.uuid, key.sequence, token)))
  }

  func giveBack(_ key: ActivityKey, token: Int64) throws {
    _ = try connection.run((ActivityTaskStatements.giveBack, leases([(key, token)])))
  }

  // What stands in tables that no door reads whole.

  func slotLines() throws -> [String] {
    try lines(
      "slots", "select slot || ' ' || coalesce(process_id, 0) || ' ' || low_water from orchestrator.slots where slot < 8 order by slot")
  }

  func markLines() throws -> [String] {
    try lines("marks", "select process_id || ' ' || low_water from orchestrator.process_heartbeats order by process_id")
  }

  func stateLines() throws -> [String] {
    try lines("states", "select run_id || ' ' || event_id from orchestrator.run_states order by run_id")
  }

  func attributeLines() throws -> [String] {
    try lines("attributes", "select run_id || ' ' || attributes from orchestrator.search_attributes order by run_id")
  }

  func taskLines() throws -> [String] {
    try lines(
      "tasks",
      """
      select run_id || ' ' || sequence || ' attempt ' || attempt || ' leased ' || state || ' visible ' || (visible_at <= now())::int
        || ' expired ' || coalesce((lease_expires_at < now())::int, 0) || ' due ' || coalesce((due_at <= now())::int, 0)
        || ' cancelled ' || cancel_requested::int || ' details ' || coalesce(convert_from(heartbeat_details, 'UTF8'), '')
      from orchestrator.activity_tasks order by run_id, sequence
      """)
  }

  private func lines(_ name: String, _ sql: String) throws -> [String] {
    let rows = try connection.run((Statement(name: "conformance_\(name)", sql: sql), Parameters()))[0]
    return try (0..<rows.count).map { try rows.text($0, 0) }
  }

  private func column(_ slots: [Slot]) -> ArrayColumn {
    let column = ArrayColumn(.int2)
    for slot in slots { column.append(slot.number) }
    return column
  }

  private func parameters(_ processes: [Int64]) -> Parameters {
    let column = ArrayColumn(.int8)
    for process in processes { column.append(process) }
    var parameters = Parameters()
    parameters.append(column)
    return parameters
  }

  private func leases(_ list: [(key: ActivityKey, token: Int64)]) -> Parameters {
    let columns = [ArrayColumn(.uuid), ArrayColumn(.int4), ArrayColumn(.int8)]
    for item in list {
      columns[0].append(item.key.runID.uuid)
      columns[1].append(item.key.sequence)
      columns[2].append(item.token)
    }
    var parameters = Parameters()
    for column in columns { parameters.append(column) }
    return parameters
  }
}
