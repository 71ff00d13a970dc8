import Synchronization
import Testing

@testable import Orchestrator

/// Whoever sends a message to an owner gets one answer, whatever becomes of the owner. A second one would resume a task that waits for
/// something else by then.
@Suite struct RepliesTests {
  @Test func `An owner that lost its slots answers each message once, also those that waited for their run to be loaded`() {
    let owner = OwnerAtTable()
    let replies = owner.sendOneOfEachKind()
    owner.slots.handle(.refused(batch: 0, .ownershipLost))
    owner.slots.shutDown()
    #expect(replies.counts == [1, 1, 1, 1])
  }

  @Test func `An owner that ends answers each message once, also those that waited for their run to be loaded`() {
    let owner = OwnerAtTable()
    let replies = owner.sendOneOfEachKind()
    owner.slots.shutDown()
    #expect(replies.counts == [1, 1, 1, 1])
  }

  @Test func `Slots that were given up past their deadline and came back are served again`() {
    let owner = OwnerAtTable()
    owner.slots.release([Slot(4)], deadline: 0) { _ in }
    _ = owner.slots.tick(isIdle: true)
    #expect(!owner.slots.slots.contains(Slot(4)))
    owner.slots.take([Slot(4)], from: RunID.floor(unixMilliseconds: 0))
    #expect(owner.slots.slots.contains(Slot(4)) && owner.slots.abandoned.isEmpty)
  }
}

/// Counts the answers to each message.
private final class ReplyCounts: Sendable {
  private let all = Mutex<[Int]>([])

  var counts: [Int] { all.withLock { $0 } }

  func expectOne() -> Reply {
    let index = all.withLock { counts in
      counts.append(0)
      return counts.count - 1
    }
    return { _ in self.all.withLock { $0[index] += 1 } }
  }
}

/// An owner of all slots on a database that never answers by itself.
private struct OwnerAtTable {
  let slots = SlotOwner(
    configuration: SlotOwner.Configuration(identity: "test", build: "test"), registry: Registry(), store: SilentStore(),
    dispatcher: IdleDispatcher(), clock: { 1_800_000_000_000_000 }, onEscape: { _ in })

  init() {
    slots.take((0...255).map { Slot($0) }, from: RunID.floor(unixMilliseconds: 0))
  }

  /// One in a batch on its way, one in the open batch, one that waits for its run to be loaded, one that is held.
  func sendOneOfEachKind() -> ReplyCounts {
    let replies = ReplyCounts()
    start("sent", replies)
    slots.send(isIdle: true)
    start("open", replies)
    signal(RunID.generate(), replies)
    let heldRun = RunID.generate()
    slots.held[heldRun] = HeldRun(until: .max, isAlone: false, messages: [])
    signal(heldRun, replies)
    return replies
  }

  private func start(_ id: String, _ replies: ReplyCounts) {
    let started = StartedAttributes(
      workflowType: "Unknown", namespace: "default", workflowID: id, input: .null, identity: "test", build: "")
    slots.handle(OwnerMessage(runID: RunID.generate(), body: .start(started), reply: replies.expectOne()))
  }

  private func signal(_ run: RunID, _ replies: ReplyCounts) {
    let signal = SignaledAttributes(name: "signal", input: .null, identity: "test", requestID: "request")
    slots.handle(OwnerMessage(runID: run, body: .signal(signal), reply: replies.expectOne()))
  }
}

private final class SilentStore: EngineStore {
  func commit(_ batch: CommitBatch, predecessor: Int?) {}
  func load(_ runs: [RunID]) {}
  func readInbox(slots: [Slot], above floor: Int64) {}
  func readTimers(slots: [Slot], dueUntil: Int64) {}
  func readOpenRuns(slots: [Slot], from lowWater: RunID) {}
  func findRuns(_ keys: [WorkflowKey]) {}
  func readReset(_ query: ResetQuery) {}
  func takeAnswers() -> [StoreAnswer] { [] }
}

private final class IdleDispatcher: ActivityDispatcher {
  func start(_ work: [LocalWork]) {}
  func cancel(_ key: ActivityKey) {}
  func stop(_ key: ActivityKey) {}
  func takeHeartbeats() -> [(key: ActivityKey, details: Payload)] { [] }
}
