@testable import Orchestrator

/// The owner's door to the model: one connection for commits, one for reads, as `PostgresStore` has them.
final class SimulatedStore: EngineStore {
  // Proof: see `Machine.world`; doors live in their world.
  private unowned(unsafe) let world: World
  private unowned(unsafe) let host: OwnerHost
  private let process: Int64
  private var session: Int64
  private var commits: Link
  private var reads: Link
  private var answers: [StoreAnswer] = []
  private var sentBatches: [Int] = []
  private var sentReads: [(number: Int, read: StoreRead)] = []
  private var lastRead = 0
  private(set) var isConnected = true

  init(_ world: World, _ host: OwnerHost, process: Int64) {
    self.world = world
    self.host = host
    self.process = process
    session = world.store.beginSession(process)
    commits = Link(world)
    reads = Link(world)
  }

  var hasAnswers: Bool { !answers.isEmpty }

  func commit(_ batch: CommitBatch, predecessor: Int?) {
    guard host.lives() else { return }
    guard isConnected else {
      answers.append(.refused(batch: batch.number, .outcomeUnknown))
      return
    }
    sentBatches.append(batch.number)
    let (world, process, session) = (world, process, session)
    commits.ask {
      let refusal = world.carryOut(batch, predecessor, process, session)
      world.note(
        refusal == nil ? .commit : .refused, Int(process), Int64(batch.number),
        world.describe(batch, refusal) + (predecessor.map { " after \($0)" } ?? ""))
      return refusal.map { .refused(batch: batch.number, $0) } ?? .committed(batch: batch.number)
    } _: { [weak self] (answer: StoreAnswer) in
      guard let self else { return }
      sentBatches.removeAll { $0 == batch.number }
      arrived(answer)
    }
    loseConnectionSometimes()
  }

  func load(_ runs: [RunID]) {
    let world = world
    ask(.load(runs)) {
      world.note(.load, Int(runs.count), 0, runs.map(\.description).joined(separator: " "))
      return .loaded(world.store.load(runs))
    }
  }

  func readInbox(slots: [Slot], above floor: Int64) {
    let world = world
    ask(.inbox) { .inbox(world.store.readInbox(slots, above: floor), world.store.transactionWindow) }
  }

  func readTimers(slots: [Slot], dueUntil: Int64) {
    let world = world
    ask(.timers) { .timers(world.store.readTimers(slots, dueUntil: dueUntil)) }
  }

  func readOpenRuns(slots: [Slot], from lowWater: RunID) {
    let world = world
    ask(.openRuns(slots: slots, from: lowWater)) { .openRuns(world.store.readOpenRuns(slots, from: lowWater), of: slots) }
  }

  func findRuns(_ keys: [WorkflowKey]) {
    let world = world
    ask(.findRuns(keys)) { .foundRuns(world.store.findRuns(keys)) }
  }

  func readReset(_ query: ResetQuery) {
    let world = world
    ask(.reset(query)) { .reset(world.store.readReset(query)) }
  }

  func takeAnswers() -> [StoreAnswer] {
    defer { answers.removeAll(keepingCapacity: true) }
    return answers
  }

  private func ask(_ read: StoreRead, _ carryOut: @escaping () -> StoreAnswer) {
    guard host.lives() else { return }
    guard isConnected else {
      answers.append(.readFailed(read))
      return
    }
    lastRead += 1
    let number = lastRead
    sentReads.append((number, read))
    reads.ask(carryOut) { [weak self] answer in
      guard let self else { return }
      sentReads.removeAll { $0.number == number }
      arrived(answer)
    }
    loseConnectionSometimes()
  }

  private func arrived(_ answer: StoreAnswer) {
    answers.append(answer)
    if world.fault(.duplicate) { answers.append(answer) }
    host.wake()
  }

  private func loseConnectionSometimes() {
    guard world.fault(.cut) else { return }
    lose()
  }

  /// Whatever was on its way may have landed or not.
  private func lose() {
    world.note(.cut, host.index)
    close()
    for batch in sentBatches { answers.append(.refused(batch: batch, .outcomeUnknown)) }
    for sent in sentReads { answers.append(.readFailed(sent.read)) }
    sentBatches = []
    sentReads = []
    isConnected = false
    host.after(world.random.draw(1...100_000)) { [weak self] in
      guard let self else { return }
      commits = Link(world)
      reads = Link(world)
      session = world.store.beginSession(process)
      isConnected = true
      host.wake()
    }
    host.wake()
  }

  /// The client's ends close.
  func close() {
    commits.cut()
    reads.cut()
  }

  /// The server ends both sessions, as a takeover asks it to; the client notices.
  func endSessions() {
    commits.end()
    reads.end()
    if isConnected { lose() }
  }
}

extension World {
  /// One batch at the server.
  fileprivate func carryOut(_ batch: CommitBatch, _ predecessor: Int?, _ process: Int64, _ session: Int64) -> CommitRefusal? {
    if fault(.refusal) { return random.chance(0.3) ? .rejected("a simulated refusal") : .outcomeUnknown }
    let refusal = store.commit(batch, predecessor: predecessor, by: process, session: session)
    if refusal == nil, sabotage == .batchTwice, random.chance(0.05) { store.writeAgain(batch, by: process) }
    return refusal
  }

  fileprivate func describe(_ batch: CommitBatch, _ refusal: CommitRefusal?) -> String {
    let rows = batch.history.map { "\($0.runID.description.suffix(6))/\($0.event.eventID) \($0.event.type.name)" }
    let parked = batch.parked.keys.sorted().map { "parks \($0.description.suffix(6))" }
    let unparked = batch.unparked.map { "unparks \($0.description.suffix(6))" }
    let taken = batch.takenMessages.isEmpty ? [] : ["takes \(batch.takenMessages)"]
    let attempts = batch.attempts.map { "attempt \($0.key.runID.description.suffix(6))/\($0.key.sequence)/\($0.attempt)" }
    let heartbeats =
      batch.heartbeats.keys.sorted { $0.sequence < $1.sequence }.map { "beats \($0.runID.description.suffix(6))/\($0.sequence)" }
      + batch.endedHeartbeats.map { "ends beats \($0.runID.description.suffix(6))/\($0.sequence)" }
    let mark = batch.lowWater.map { ["mark \($0)"] } ?? []
    return (rows + parked + unparked + taken + attempts + heartbeats + mark).joined(separator: ", ") + (refusal.map { ": \($0)" } ?? "")
  }
}
