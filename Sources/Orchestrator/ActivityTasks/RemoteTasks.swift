import Foundation
import PostgreSQL
import Synchronization

/// The task queues for workers that are not Swift: they lease, keep and end tasks by calls. Every word names its lease, so that one that was lost
/// changes nothing.
public final class RemoteTasks: Sendable {
  private struct State {
    /// Of polls that wait for a task.
    var bells: [Int: Bell] = [:]
    var lastPoll = 0
    var listening: Task<Void, Never>?
    /// When the presence of a worker at a queue was last written.
    var seen: [String: ContinuousClock.Instant] = [:]
  }

  private let client: Client
  private let directory: QueueDirectory
  private let state = Mutex(State())

  private var database: Database { client.database }

  public init(_ client: Client) {
    self.client = client
    directory = QueueDirectory(client.database)
  }

  deinit {
    state.withLock { $0.listening?.cancel() }
  }

  /// Leases tasks of a queue, oldest first.
  /// - Parameters:
  ///   - maximum: tasks, 1 to `Limits.tasksPerLease`.
  ///   - lease: how long they are held without a heartbeat.
  ///   - wait: how long to wait for the first one.
  /// - Returns: none when the time was up.
  /// - Throws: `DatabaseError`.
  public func poll(
    _ taskQueue: String, worker: String, maximum: Int, lease: Duration, wait: Duration
  ) async throws -> [LeasedActivity] {
    let deadline = ContinuousClock.now + wait
    let bell = Bell()
    let poll = state.withLock { state in
      state.lastPoll += 1
      state.bells[state.lastPoll] = bell
      return state.lastPoll
    }
    defer { state.withLock { $0.bells[poll] = nil } }
    startListening()
    await remember(worker, taskQueue)
    while true {
      let tasks = try await leaseOnce(taskQueue, worker, min(max(1, maximum), Limits.tasksPerLease), lease)
      let left = deadline - .now
      if !tasks.isEmpty || left <= .zero || Task.isCancelled { return tasks }
      // A lost notification costs this long.
      await bell.wait(upTo: min(left, directory.longestPause([taskQueue])))
    }
  }

  /// What became of words about leases.
  public struct Answer: Sendable {
    /// Leases that are somebody else's by now, or ended.
    public internal(set) var lost: [TaskToken] = []
    /// Still held, but their workflows no longer wait: their attempts should end.
    public internal(set) var cancelRequested: [TaskToken] = []
  }

  /// Keeps leases, with progress for people and for a next attempt.
  /// - Parameter lease: how long they are held from now on.
  public func heartbeat(_ tasks: [(token: TaskToken, details: Payload?)], lease: Duration) async throws -> Answer {
    guard !tasks.isEmpty else { return Answer() }
    let batch = LeaseColumns()
    let details = ArrayColumn(.bytea)
    let workflows = try await workflows(of: tasks.map(\.token))
    for task in tasks {
      batch.append(task.token.key, task.token.lease)
      let stored = try task.details.map { try encoded($0, workflows[task.token.key]) }
      if let bytes = stored?.bytes { details.append(bytes) } else { details.appendNull() }
    }
    var parameters = batch.parameters
    parameters.append(details)
    parameters.appendInterval(microseconds: lease.microseconds)
    let rows = try await database.query(ActivityTaskStatements.heartbeat, parameters)
    var held: [ActivityKey: Bool] = [:]
    for row in 0..<rows.count { held[try Self.key(rows, row)] = try rows.bool(row, 2) }
    var answer = Answer()
    for task in tasks {
      switch held[task.token.key] {
      case nil: answer.lost.append(task.token)
      case true?: answer.cancelRequested.append(task.token)
      case false?: break
      }
    }
    return answer
  }

  /// Records results, each exactly once.
  public func complete(_ tasks: [(token: TaskToken, result: Payload)], worker: String) async throws -> Answer {
    guard !tasks.isEmpty else { return Answer() }
    let batch = LeaseColumns()
    let attributes = ArrayColumn(.bytea)
    let workflows = try await workflows(of: tasks.map(\.token))
    for task in tasks {
      batch.append(task.token.key, task.token.lease)
      let report = AttemptReport(
        attempt: task.token.attempt, outcome: .completed(try encoded(task.result, workflows[task.token.key])), worker: worker, startedAt: 0,
        endedAt: 0)
      attributes.append(report.encoded(sequence: task.token.key.sequence))
    }
    var parameters = batch.parameters
    parameters.append(attributes)
    let rows = try await database.query(ActivityTaskStatements.complete, parameters)
    var done: Set<ActivityKey> = []
    for row in 0..<rows.count { done.insert(try Self.key(rows, row)) }
    client.wakeOwner()
    if directory.hasOrdered { ringAll() }
    return Answer(lost: tasks.map(\.token).filter { !done.contains($0.key) })
  }

  /// Ends an attempt without a result: its retry policy decides what follows.
  /// - Parameter details: a last heartbeat, for the next attempt.
  /// - Returns: false when the lease was lost.
  public func fail(_ token: TaskToken, _ failure: Failure, details: Payload? = nil, worker: String) async throws -> Bool {
    let isWritten = try await database.transaction { transaction in
      let rows = try await transaction.query(
        ActivityTaskStatements.leasedWorkflow, Parameters(token.key.runID.uuid, token.key.sequence, token.lease))
      guard rows.count == 1 else { return false }
      let workflow = WorkflowKey(namespace: try rows.text(0, 0), workflowID: try rows.text(0, 1))
      let stored = try client.codec.map { try failure.encoded($0, workflow) } ?? failure
      let storedDetails = try details.map { try client.codec?.encode($0, workflow) ?? $0 }
      return try await TaskFailureWriter.write(
        stored, details: storedDetails, token.key, token: token.lease, worker: worker, transaction)
    }
    client.wakeOwner()
    return isWritten
  }

  private func leaseOnce(_ taskQueue: String, _ worker: String, _ maximum: Int, _ lease: Duration) async throws -> [LeasedActivity] {
    try await directory.refresh()
    let wanted = WantedTasks(
      taskQueue: taskQueue, maximum: maximum, worker: worker, lease: lease, isOrdered: directory.isOrdered(taskQueue))
    let rows = try await database.run(ActivityTaskStatements.leasing(wanted))[1]
    var tasks: [LeasedActivity] = []
    for row in 0..<rows.count {
      var lease = try TaskLease(rows, row)
      if lease.isCancelRequested {
        try await TaskFailureWriter(database: database, codec: client.codec).end(cancelled: lease, worker: worker)
      } else {
        do {
          try lease.decode(client.codec)
          tasks.append(LeasedActivity(lease))
        } catch {
          Log.error("value-unreadable", "\(error)", ["run_id": lease.key.runID.description, "sequence": String(lease.key.sequence)])
          _ = try await database.query(
            ActivityTaskStatements.postpone, Parameters(lease.key.runID.uuid, lease.key.sequence, lease.token))
        }
      }
    }
    return tasks
  }

  /// Whose tasks they are, which codecs need to know; nothing is asked without codecs.
  private func workflows(of tokens: [TaskToken]) async throws -> [ActivityKey: WorkflowKey] {
    guard client.codec != nil else { return [:] }
    let (runs, sequences) = (ArrayColumn(.uuid), ArrayColumn(.int4))
    for token in tokens {
      runs.append(token.key.runID.uuid)
      sequences.append(token.key.sequence)
    }
    var parameters = Parameters()
    parameters.append(runs)
    parameters.append(sequences)
    let rows = try await database.query(ActivityTaskStatements.workflows, parameters)
    var workflows: [ActivityKey: WorkflowKey] = [:]
    for row in 0..<rows.count {
      workflows[try Self.key(rows, row)] = WorkflowKey(namespace: try rows.text(row, 2), workflowID: try rows.text(row, 3))
    }
    return workflows
  }

  /// - Parameter workflow: nil for a task that is gone, whose lease is lost: nothing will be written.
  private func encoded(_ payload: Payload, _ workflow: WorkflowKey?) throws -> Payload {
    guard let codec = client.codec else { return payload }
    return try workflow.map { try codec.encode(payload, $0) } ?? .null
  }

  /// A worker that only polls is known by its polls.
  private func remember(_ worker: String, _ taskQueue: String) async {
    let isDue = state.withLock { state in
      let name = "\(worker)\n\(taskQueue)"
      if let last = state.seen[name], ContinuousClock.now - last < WorkerPresence.interval { return false }
      if state.seen.count >= 10_000 { state.seen = [:] }
      state.seen[name] = .now
      return true
    }
    guard isDue else { return }
    do {
      try await WorkerPresence(database: database, worker: worker, taskQueues: [taskQueue: nil as Int?]).sayOnce()
    } catch {
      Log.debug("presence-not-written", "\(error)")
    }
  }

  private static func key(_ rows: Rows, _ row: Int) throws -> ActivityKey {
    ActivityKey(runID: RunID(try rows.uuid(row, 0)), sequence: try rows.int32(row, 1))
  }

  /// One listener for all that wait, from the first poll on.
  private func startListening() {
    state.withLock { state in
      guard state.listening == nil else { return }
      state.listening = Task { [weak self, database] in
        while !Task.isCancelled {
          do {
            for await _ in try await database.listen(to: [WakeUp.tasksChannel]) { self?.ringAll() }
          } catch {
            try? await Task.sleep(for: .seconds(1))
          }
          if self == nil { return }
        }
      }
    }
  }

  private func ringAll() {
    for bell in state.withLock({ Array($0.bells.values) }) { bell.ring() }
  }
}
