import Foundation

@testable import Orchestrator

/// One simulated cluster: a clock that jumps from event to event, one source of chance, one database, and everybody who uses it.
final class World: @unchecked Sendable {
  // Safe to share: one thread drives it; closures of the engine that must be Sendable are called on that thread.
  /// The database's time and everybody's true one: microseconds since the Unix epoch.
  private(set) var now: Int64 = 1_750_000_000_000_000
  var random: Randomness
  let plan: FaultPlan
  let store: StoreModel
  let sabotage: Sabotage
  let checker: Checker
  let registry: Registry
  private(set) var owners: [OwnerHost] = []
  private(set) var workers: [WorkerHost] = []
  private(set) var clients: [ClientModel] = []
  /// Clients that still want something.
  private var activeClients = 0
  private(set) var trace: Trace
  private(set) var steps = 0
  /// How often each kind happened.
  private(set) var faults = [Int](repeating: 0, count: Fault.allCases.count)
  /// From then on nothing breaks any more.
  private(set) var isPeaceful = false
  private var peaceAt: Int64 = 0
  let begin: Int64
  private var events = EventQueue()
  var executions: Int64 = 0
  var doors: [Int64: SimulatedStore] = [:]

  init(seed: UInt64, sabotage: Sabotage, registry: Registry, isTracing: Bool, errand: Errand? = nil) {
    random = Randomness(seed: seed)
    plan = FaultPlan(&random)
    begin = now
    store = StoreModel(guards: sabotage.guards, slots: SimulatedSlots.count)
    self.sabotage = sabotage
    checker = Checker()
    self.registry = registry
    trace = Trace(isKept: isTracing)
    store.now = now
    store.observer = checker
    checker.now = now
    for index in 0..<plan.owners { owners.append(OwnerHost(self, index)) }
    for index in 0..<plan.workers { workers.append(WorkerHost(self, index)) }
    if let errand {
      clients.append(ClientModel(self, 0, errand))
    } else {
      for index in 0..<plan.workflows { clients.append(ClientModel(self, index)) }
    }
    activeClients = clients.count
  }

  /// Whether such a fault happens now.
  func fault(_ kind: Fault) -> Bool {
    let probability = plan.probability(of: kind)
    guard !isPeaceful, probability > 0, random.chance(probability) else { return false }
    faults[kind.rawValue] += 1
    return true
  }

  /// How long something on its way takes: microseconds.
  func latency() -> Int64 {
    if fault(.stall) { return random.draw(1000...1_500_000) }
    return random.draw(50...600)
  }

  func after(_ delay: Int64, _ body: @escaping () -> Void) {
    at(now + max(0, delay), body)
  }

  func at(_ time: Int64, _ body: @escaping () -> Void) {
    events.insert(at: max(time, now), body)
  }

  func note(_ kind: Trace.Kind, _ subject: Int, _ number: Int64 = 0, _ text: @autoclosure () -> String = "") {
    trace.note(kind, at: now - begin, subject, number, text())
  }

  /// Runs the whole simulation.
  func run() -> [String] {
    for owner in owners { owner.boot() }
    for worker in workers { worker.boot() }
    for client in clients { client.begin() }
    at(begin + plan.duration) { self.makePeace() }
    let deadline = begin + plan.duration + 300_000_000
    while checker.violations.isEmpty, let event = events.pop() {
      advance(to: event.at)
      steps += 1
      event.body()
      if activeClients == 0, isFinished {
        if isPeaceful { break }
        makePeace()
      }
      if now > deadline { checker.violated("not finished", unfinished()) }
      if steps > 150_000 { checker.violated("no end of steps", unfinished()) }
    }
    if checker.violations.isEmpty { settle() }
    for owner in owners { owner.discard() }
    return checker.violations
  }

  /// Some more time without faults: then nothing may be left behind. What was stalled still arrives in it.
  private func settle() {
    let earliest = max(now + 300_000, peaceAt + 1_600_000)
    let latest = now + 4_000_000
    var nextLook = earliest
    while checker.violations.isEmpty, let event = events.pop(), event.at <= latest {
      if event.at > nextLook {
        if store.leftovers.isEmpty { break }
        nextLook = event.at + 100_000
      }
      advance(to: event.at)
      steps += 1
      event.body()
    }
    let unanswered = clients.flatMap { client in client.unanswered.map { "client \(client.description): message \($0)" } }
    checker.finish(leftovers: store.leftovers, unanswered: unanswered)
    for client in clients { if let mismatch = client.mismatch { checker.violated("result", mismatch) } }
    for (runID, events) in store.history {
      do {
        try HistoryReplay(registry).replay(events, runID: runID)
      } catch {
        checker.violated("replay", "\(runID): \(error)")
      }
    }
    trace.note(.end, at: now - begin, steps, Int64(truncatingIfNeeded: random.state), "")
  }

  private func makePeace() {
    guard !isPeaceful else { return }
    isPeaceful = true
    peaceAt = now
    note(.peace, 0)
  }

  /// A client saw the end of all that it wanted.
  func clientEnded() { activeClients -= 1 }

  private var isFinished: Bool {
    for runs in store.openRuns.values where !runs.isEmpty { return false }
    if store.inbox.contains(where: { $0.row.kind == .start }) { return false }
    for owner in owners where owner.isFrozen { return false }
    for worker in workers where worker.isFrozen { return false }
    return true
  }

  private func unfinished() -> String {
    let open = store.openRuns.values.joined().sorted().map { runID in
      let events = store.history[runID]?.map { "\($0.eventID) \($0.type.name)" }.joined(separator: ", ") ?? ""
      return "\(runID) in slot \(store.runs[runID]?.slot.number ?? -1): \(events)"
    }
    let waiting = clients.filter { !$0.isDone }.map(\.description)
    return (waiting + open + store.inbox.map { "inbox \($0.row.messageID) \($0.row.kind) of \($0.row.runID)" }).joined(separator: "\n  ")
  }

  private func advance(to time: Int64) {
    now = time
    store.now = time
    checker.now = time
  }
}
