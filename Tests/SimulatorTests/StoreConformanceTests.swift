import Foundation
import PostgreSQL
import Testing

@testable import Orchestrator
@testable import Simulator

/// The model of the database does what PostgreSQL does: the same random operations on both, compared after each.
@Suite struct StoreConformanceTests {
  init() { Log.setLevel(.none) }

  @Test("The store model answers as PostgreSQL does, operation for operation", arguments: [1, 2, 3] as [UInt64])
  func conformance(seed: UInt64) async throws { try await Self.compare(seed: seed) }

  @Test("The store model answers as PostgreSQL does for a sequence that nobody has seen")
  func freshSequence() async throws { try await Self.compare(seed: UInt64.random(in: 1000...1_000_000_000)) }

  private static func compare(seed: UInt64) async throws {
    let real = try RealStore()
    var pair = StorePair(real, seed: seed, now: try real.now())
    try pair.register()
    try pair.register()
    for step in 0..<100 {
      try await pair.perform()
      let difference = try pair.difference()
      try #require(difference == nil, "sequence of seed \(seed), operation \(step) (\(pair.last)): \(difference ?? "")")
    }
  }
}

/// The database and its model, side by side.
struct StorePair {
  private let real: RealStore
  private let model = StoreModel()
  private var operations: RandomOperations
  /// The same things by the names that each side gave them.
  private var processes: [(real: Int64, model: Int64)] = []
  private var sessions: [Int64: Int64] = [:]
  private var tokens: [(key: ActivityKey, real: Int64, model: Int64)] = []
  private(set) var last = ""
  private var answers: (real: String, model: String) = ("", "")

  init(_ real: RealStore, seed: UInt64, now: Int64) {
    self.real = real
    operations = RandomOperations(seed: seed, now: now)
    model.now = now
  }

  mutating func register() throws {
    let process = (real: try real.register(RandomOperations.hour), model: model.register(lease: RandomOperations.hour))
    sessions[process.model] = model.beginSession(process.model)
    processes.append(process)
  }

  mutating func perform() async throws {
    operations.now += 1000
    model.now = operations.now
    switch operations.random.draw(0...99) {
    case 0..<50: try commit()
    case 50..<58: try message()
    case 58..<62: try ownership()
    default: try await tasks()
    }
  }

  private mutating func compared(_ what: String, _ real: some Any, _ model: some Any) {
    last = what
    answers = ("\(real)", "\(model)")
  }

  private mutating func commit() throws {
    let messages = model.inbox.map(\.row).byRun.map(\.messageID)
    var batch = operations.batch(model, messages: messages)
    let process = processes[operations.random.chance(0.9) ? processes.count - 1 : 0]
    // The one before it, or one that did not land.
    let predecessor = operations.random.chance(0.3) ? batch.number - operations.random.draw(1...2) : nil
    let realMessages = try inbox(process.real).map(\.messageID)
    let session = sessions[process.model] ?? 0
    let isLate = session > 1 && operations.random.chance(0.3)
    let modelRefusal = model.commit(batch, predecessor: predecessor, by: process.model, session: isLate ? session - 1 : session)
    batch.takenMessages = zip(messages, realMessages).filter { batch.takenMessages.contains($0.0) }.map(\.1)
    let realRefusal = try real.commit(batch, predecessor, by: process.real, isLate: isLate)
    compared("commit", realRefusal.map { "\($0.ordered)" } ?? "landed", modelRefusal.map { "\($0.ordered)" } ?? "landed")
  }

  private mutating func message() throws {
    let (runID, key) = operations.run()
    let transaction = model.begin()
    let sending: StoreModel.Sending
    let isStart = operations.random.chance(0.4)
    if isStart {
      sending = model.start(operations.started(key), runID, in: transaction)
    } else {
      let signal = SignaledAttributes(name: "tick", input: .null, identity: "conformance", requestID: "r\(model.lastMessageID)")
      sending = model.send(.signal, IncomingEvent.signaled(signal).encoded(), to: key, in: transaction)
    }
    // The function in SQL would wait for an owner.
    guard sending != .waits else { return model.rollBack(transaction) }
    model.commit(transaction)
    var found = StoreModel.Sending.accepted
    do {
      if isStart { try real.start(operations.started(key), runID) } else { try real.signal(key, requestID: "r") }
    } catch let error as DatabaseError {
      found = .refused(error.sqlState.flatMap { ErrorCode.bySQLState[$0] } ?? .invalidArgument)
    }
    compared(isStart ? "start" : "signal", found, sending)
  }

  private mutating func ownership() throws {
    let process = processes[operations.random.draw(0...(processes.count - 1))]
    switch operations.random.draw(0...5) {
    case 0, 1:
      let slots = operations.slots()
      compared("take", named(try real.take(slots, by: process.real)), named(model.take(slots, by: process.model)))
    case 2:
      let (slots, mark) = (operations.slots(), operations.run().runID)
      try real.release(slots, lowWater: mark, by: process.real)
      model.release(slots, lowWater: mark, by: process.model)
      compared("release", "", "")
    case 3:
      try real.reconnect(process.real)
      sessions[process.model] = model.beginSession(process.model)
      compared("reconnect", "", "")
    case 4 where processes.count < 5:
      try real.fence([process.real])
      model.fence([process.model])
      try register()
      compared("fence", "", "")
    default: compared("heartbeat", try real.heartbeat(process.real), model.heartbeat(process.model))
    }
  }

  private func named(_ taken: [(slot: Slot, lowWater: RunID)]) -> [String] { taken.map { "\($0.slot) \($0.lowWater)" }.sorted() }

  private mutating func tasks() async throws {
    guard operations.random.chance(0.6), let held = operations.random.pick(tokens) else {
      if operations.random.chance(0.2) {
        try await real.sweep()
        model.sweep { 0.5 }
        return compared("sweep", "", "")
      }
      return try lease()
    }
    let isLong = operations.random.chance(0.7) ? RandomOperations.hour : -1_000_000
    switch operations.random.draw(0...4) {
    case 0:
      let found = try real.heartbeat(held.key, token: held.real, lease: isLong)
      let expected = model.heartbeat([(held.key, held.model, Payload(json: Array("8".utf8)))], lease: isLong).map(\.isCancelRequested)
      compared("heartbeat of a lease", found, expected)
    case 1:
      let report = AttemptReport(attempt: 1, outcome: .completed(.null), worker: "w", startedAt: 0, endedAt: 0)
      let attributes = report.encoded(sequence: held.key.sequence)
      compared(
        "complete", try real.complete(held.key, token: held.real, attributes),
        model.complete([(held.key, held.model, attributes)]).count)
    case 2:
      let failure = operations.failure()
      let found = try await real.fail(held.key, token: held.real, failure)
      compared("fail", found, model.fail(held.key, token: held.model, failure, worker: "worker", random: 0.5))
    case 3:
      try real.discard(held.key, token: held.real)
      model.discard(held.key, token: held.model)
      compared("discard", "", "")
    default:
      try real.giveBack(held.key, token: held.real)
      model.giveBack([(held.key, held.model)])
      compared("give back", "", "")
    }
  }

  private mutating func lease() throws {
    let queue = operations.random.chance(0.5) ? "first" : "second"
    let time = operations.random.chance(0.7) ? RandomOperations.hour : -1_000_000
    let found = try real.lease(queue, lease: time)
    let expected = model.lease(queue, limit: 100, lease: time)
    for lease in found {
      guard let twin = expected.first(where: { $0.attempt.key == lease.key }) else { continue }
      tokens.append((lease.key, lease.token, twin.token))
    }
    compared(
      "lease", found.map { "\($0.key) \($0.attempt.attempt) \($0.isCancelRequested)" }.sorted(),
      expected.map { "\($0.attempt.key) \($0.attempt.attempt) \($0.isCancelRequested)" }.sorted())
  }

  // Comparing.

  private func inbox(_ process: Int64) throws -> [InboxRow] { try real.readInbox(operations.allSlots, by: process).byRun }

  /// - Returns: where the two differ.
  func difference() throws -> String? {
    if answers.real != answers.model { return "PostgreSQL answers \(answers.real), the model \(answers.model)" }
    let process = processes[processes.count - 1].real
    let runIDs = operations.runs.map(\.runID)
    let (loaded, expected) = (try real.load(runIDs, by: process), model.load(runIDs))
    for (found, wanted) in zip(loaded, expected) where found.comparable != wanted.comparable {
      return "PostgreSQL holds \(found.comparable), the model \(wanted.comparable)"
    }
    let slots = operations.allSlots
    let pairs: [(String, [String], [String])] = [
      ("inbox", try inbox(process).map(\.comparable), model.readInbox(slots, above: 0).byRun.map(\.comparable)),
      (
        "timers", try real.readTimers(slots, dueUntil: .max / 4, by: process).map { "\($0)" }.sorted(),
        model.readTimers(slots, dueUntil: .max / 4).map { "\($0)" }.sorted()
      ),
      (
        "open runs", try real.readOpenRuns(slots, from: runIDs[2], by: process).map(\.description),
        model.readOpenRuns(slots, from: runIDs[2]).map(\.description)
      ),
      ("marks", try real.markLines(), processes.compactMap { pair in model.heartbeats[pair.model].map { "\(pair.real) \($0.lowWater)" } }),
      ("states", try real.stateLines(), model.states.keys.sorted().map { "\($0) \(model.states[$0]?.eventID ?? 0)" }),
      (
        "search attributes", try real.attributeLines(),
        model.searchAttributes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.text)" }
      ),
      ("tasks", try real.taskLines(), model.taskLines),
    ]
    return pairs.first { $0.1 != $0.2 }.map { "\($0.0): PostgreSQL holds \($0.1), the model \($0.2)" }
  }
}

extension CommitRefusal {
  fileprivate var ordered: CommitRefusal {
    switch self {
    case .alreadyStarted(let runs): .alreadyStarted(Set(runs).sorted())
    case .unseenMessages(let runs): .unseenMessages(runs.sorted())
    default: self
    }
  }
}

extension [InboxRow] {
  /// Only the order within a run means something: what one sweep ends may come in any.
  fileprivate var byRun: [InboxRow] {
    enumerated().sorted { ($0.element.runID, $0.offset) < ($1.element.runID, $1.offset) }.map(\.element)
  }
}

extension InboxRow {
  fileprivate var comparable: String { "\(runID) \(slot) \(kind)" }
}

extension LoadedRun {
  /// Everything but times that come from the database's clock.
  fileprivate var comparable: String {
    let attempts = attempts.sorted { $0.sequence < $1.sequence }
      .map { "\($0.sequence) \($0.total) \($0.failed) \($0.lost) \($0.nextAttemptAt != nil) \($0.isDelayed)" }
    let events = history.map { "\($0.eventID) \($0.type) \($0.at) \($0.causedBy)" }
    return """
      \(runID) \(history.isEmpty ? "" : slot?.description ?? "") \(events) \(isClosed) \(isParked) \(blockedAttempts) \
      \(isLastEventUnapplied) \(attempts) \(parkedActivities.sorted()) \(queuedActivities.sorted()) \(heartbeats.keys.sorted()) \
      \(activityOptions.keys.sorted())
      """
  }
}

extension StoreModel {
  fileprivate var taskLines: [String] {
    tasks.keys.sorted { ($0.runID, $0.sequence) < ($1.runID, $1.sequence) }.compactMap { key in
      guard let task = tasks[key] else { return nil }
      func one(_ condition: Bool) -> Int { condition ? 1 : 0 }
      return """
        \(key.runID) \(key.sequence) attempt \(task.attempt) leased \(one(task.isLeased)) visible \(one(task.visibleAt <= now)) \
        expired \(one((task.leaseExpiresAt ?? .max) < now)) due \(one((task.dueAt ?? .max) <= now)) \
        cancelled \(one(task.isCancelRequested)) details \(task.heartbeatDetails?.text ?? "")
        """
    }
  }
}
