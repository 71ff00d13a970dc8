import Foundation
import Testing

@testable import Orchestrator

/// Rounds of requests that break off: what was done without an answer is found again.
@Suite struct OwnershipStepsTests {
  private let mark = RunID.generate()

  /// A registered process that owns all slots.
  private func owner() -> OwnershipSteps {
    var steps = OwnershipSteps()
    expect(steps.begin(), .register)
    expect(steps.next(.registered(process: 1)), .readAssignment)
    let all = (0..<Slot.count).map { Slot(Int16($0)) }
    expect(steps.next(assignment(owner: nil)), .take(process: 1, slots: all))
    expect(steps.next(.taken(all.map { ($0, mark) })), nil)
    expect(steps.takeEffects(), [.registered(process: 1), .take(slots: all, lowWater: mark)])
    return steps
  }

  private func assignment(owner: Int64?, members: [Int64] = [1]) -> OwnershipSteps.Answer {
    .assignment(
      owners: Array(repeating: owner, count: Slot.count), members: members.map { SlotAssignment.Member(processID: $0, isAlive: true) })
  }

  @Test("Slots whose taking was not answered are taken again, and begun once")
  func takingAgain() {
    var steps = OwnershipSteps()
    _ = steps.begin()
    _ = steps.next(.registered(process: 1))
    let all = (0..<Slot.count).map { Slot(Int16($0)) }
    expect(steps.next(assignment(owner: nil)), .take(process: 1, slots: all))
    _ = steps.takeEffects()
    // The answer is lost; the table says that they are ours.
    expect(steps.begin(), .heartbeat(process: 1))
    expect(steps.next(.heartbeat(isFenced: false)), .readAssignment)
    expect(steps.next(assignment(owner: 1)), .take(process: 1, slots: all))
    expect(steps.next(.taken(all.map { ($0, mark) })), nil)
    expect(steps.takeEffects(), [.take(slots: all, lowWater: mark)])
    _ = steps.begin()
    _ = steps.next(.heartbeat(isFenced: false))
    expect(steps.next(assignment(owner: 1)), nil)
    expect(steps.takeEffects(), [])
  }

  @Test("A release that was not answered is said again until it is")
  func releasingAgain() throws {
    var steps = owner()
    _ = steps.begin()
    _ = steps.next(.heartbeat(isFenced: false))
    expect(steps.next(assignment(owner: 1, members: [1, 2])), nil)
    let leaving = (128..<Slot.count).map { Slot(Int16($0)) }
    expect(steps.takeEffects(), [.release(leaving)])
    steps.released(leaving, lowWater: mark, of: 1)
    for _ in 0..<2 {
      _ = steps.begin()
      // The answer to the first one is lost.
      expect(steps.next(.heartbeat(isFenced: false)), .release(process: 1, slots: leaving, lowWater: mark))
    }
    expect(steps.next(.done), .readAssignment)
    _ = steps.begin()
    expect(steps.next(.heartbeat(isFenced: false)), .readAssignment)
  }

  @Test("What an earlier registration let go of is not released by a later one")
  func earlierRegistration() {
    var steps = owner()
    steps.ownershipWasLost()
    expect(steps.begin(), .register)
    expect(steps.takeEffects(), [.lost])
    _ = steps.next(.registered(process: 2))
    steps.released([Slot(3)], lowWater: mark, of: 1)
    _ = steps.begin()
    expect(steps.next(.heartbeat(isFenced: false)), .readAssignment)
  }

  @Test("A process that was fenced off drops everything and registers anew")
  func fencedOff() {
    var steps = owner()
    _ = steps.begin()
    expect(steps.next(.heartbeat(isFenced: true)), nil)
    expect(steps.takeEffects(), [.lost])
    expect(steps.begin(), .register)
  }

  @Test("A dead process is fenced off also when it never owned a slot")
  func deadWithoutSlots() {
    let members = [(1, true), (2, false)].map { SlotAssignment.Member(processID: $0, isAlive: $1) }
    let owners = [Int64?](repeating: 1, count: Slot.count)
    expect(SlotAssignment.decide(me: 1, members: members, owners: owners), SlotAssignment(fence: [2]))
    expect(SlotAssignment.decide(me: 2, members: members, owners: owners), SlotAssignment())
  }
}

private func expect<Value: Equatable>(_ found: Value, _ wanted: Value, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(found == wanted, sourceLocation: sourceLocation)
}
