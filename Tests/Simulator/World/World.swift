import Foundation

@testable import Orchestrator

/// One simulated cluster: a clock that jumps from event to event, one source of chance, one database, and everybody who uses it.
final class World: @unchecked Sendable {
  // Safe to share: one thread drives it; closures of the engine that must be Sendable are called on that thread.
  private struct Event {
    let at: Int64
    let number: Int
    let body: () -> Void
  }

  /// The database's time and everybody's true one: microseconds since the Unix epoch.
  private(set) var now: Int64 = 1_750_000_000_000_000
  var random: Randomness
  let plan: FaultPlan
  let store: StoreModel
  let checker: Checker
  let registry: Registry
  private(set) var owners: [OwnerHost] = []
  private(set) var workers: [WorkerHost] = []
  private(set) var clients: [ClientModel] = []
  private(set) var trace: Trace
  private(set) var steps = 0
  /// From then on nothing breaks any more.
  private(set) var isPeaceful = false
  let begin: Int64
  private var events: [Event] = []
  private var lastEvent = 0
  var executions: Int64 = 0
  var doors: [Int64: SimulatedStore] = [:]

  init(seed: UInt64, sabotage: Sabotage, registry: Registry, isTracing: Bool) {
    random = Randomness(seed: seed)
    plan = FaultPlan(&random)
    begin = now
    store = StoreModel(sabotage: sabotage)
    checker = Checker()
    self.registry = registry
    trace = Trace(isKept: isTracing)
    store.now = now
    store.observer = checker
    checker.now = now
    for index in 0..<plan.owners { owners.append(OwnerHost(self, index)) }
    for index in 0..<plan.workers { workers.append(WorkerHost(self, index)) }
    for index in 0..<plan.workflows { clients.append(ClientModel(self, index)) }
  }

  /// Whether a fault of this probability happens now.
  func fault(_ probability: Double) -> Bool { !isPeaceful && probability > 0 && random.chance(probability) }

  /// How long something on its way takes: microseconds.
  func latency() -> Int64 {
    if fault(plan.stall) { return random.draw(1000...1_500_000) }
    return random.draw(50...600)
  }

  func after(_ delay: Int64, _ body: @escaping () -> Void) {
    at(now + max(0, delay), body)
  }

  func at(_ time: Int64, _ body: @escaping () -> Void) {
    lastEvent += 1
    events.append(Event(at: max(time, now), number: lastEvent, body: body))
    var child = events.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard Self.isEarlier(events[child], events[parent]) else { break }
      events.swapAt(child, parent)
      child = parent
    }
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
    let deadline = begin + plan.duration + 900_000_000
    while checker.violations.isEmpty, let event = pop() {
      advance(to: event.at)
      steps += 1
      event.body()
      if isPeaceful, isFinished { break }
      if now > deadline { checker.violated("not finished", unfinished()) }
      if steps > 400_000 { checker.violated("no end of steps", unfinished()) }
    }
    if checker.violations.isEmpty { settle() }
    for owner in owners { owner.discard() }
    return checker.violations
  }

  /// Some more time without faults: then nothing may be left behind.
  private func settle() {
    let end = now + 4_000_000
    while checker.violations.isEmpty, let event = pop(), event.at <= end {
      advance(to: event.at)
      steps += 1
      event.body()
    }
    let unanswered = clients.flatMap { client in client.unanswered.map { "client \(client.description): message \($0)" } }
    checker.finish(leftovers: store.leftovers, unanswered: unanswered)
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
    isPeaceful = true
    note(.peace, 0)
  }

  private var isFinished: Bool {
    clients.allSatisfy(\.isDone) && store.openRuns.values.allSatisfy(\.isEmpty)
      && !owners.contains(where: \.isFrozen) && !workers.contains(where: \.isFrozen)
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

  private func pop() -> Event? {
    guard let first = events.first else { return nil }
    let last = events.removeLast()
    if !events.isEmpty {
      events[0] = last
      sink()
    }
    return first
  }

  private func sink() {
    var parent = 0
    while true {
      var least = parent
      let left = 2 * parent + 1
      if left < events.count, Self.isEarlier(events[left], events[least]) { least = left }
      if left + 1 < events.count, Self.isEarlier(events[left + 1], events[least]) { least = left + 1 }
      if least == parent { return }
      events.swapAt(parent, least)
      parent = least
    }
  }

  private static func isEarlier(_ left: Event, _ right: Event) -> Bool {
    left.at != right.at ? left.at < right.at : left.number < right.number
  }
}
