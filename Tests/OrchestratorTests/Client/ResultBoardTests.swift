import Synchronization
import TestSupport
import Testing

@testable import Orchestrator

/// Who waits for a result is told once, by whoever knows first.
@Suite struct ResultBoardTests {
  private let board = ResultBoard()
  private let done = RunOutcome(status: .completed, outcome: Payload(json: Array("1".utf8)))

  private func row(_ runID: RunID) -> CloseRow {
    CloseRow(runID: runID, slot: Slot(0), status: .completed, closedAt: 0, lastEventID: 3, outcome: done.outcome)
  }

  @Test("A run that the owner closed before anybody asked is known without a look")
  func recent() async throws {
    let run = RunID.generate()
    board.post(row(run))
    let outcome = try await board.outcome(of: run, firstLook: .seconds(60)) { _ in [] }
    #expect(outcome.status == .completed)
  }

  @Test("All who wait for one run are told by one word of the owner")
  func told() async throws {
    let run = RunID.generate()
    try await withThrowingTaskGroup(of: CloseStatus.self) { group in
      for _ in 0..<10 {
        group.addTask { try await board.outcome(of: run, firstLook: .seconds(60)) { _ in [] }.status }
      }
      try await eventually("all ten wait") { board.waiterCount == 10 }
      board.post(row(run))
      for try await status in group { #expect(status == .completed) }
    }
  }

  @Test("What nobody here closed is found by looking, many runs with one look")
  func looked() async throws {
    let runs = (0..<100).map { _ in RunID.generate() }
    let looks = LookCounter()
    try await withThrowingTaskGroup { group in
      for run in runs {
        group.addTask {
          _ = try await board.outcome(of: run, firstLook: .zero) { asked in
            looks.count.add(1, ordering: .relaxed)
            return asked.map { ($0, done) }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(looks.count.load(ordering: .relaxed) < runs.count)
  }

  @Test("A look that fails is told to those it was for, and the next caller looks again")
  func failed() async throws {
    struct Away: Error {}
    let looks = LookCounter()
    let look: ResultBoard.Look = { asked in
      if looks.count.add(1, ordering: .relaxed).oldValue == 0 { throw Away() }
      return asked.map { ($0, done) }
    }
    await #expect(throws: Away.self) { try await board.outcome(of: .generate(), firstLook: .zero, look) }
    #expect(try await board.outcome(of: .generate(), firstLook: .zero, look).status == .completed)
  }

  @Test("A cancelled caller waits no longer")
  func cancelled() async {
    let run = RunID.generate()
    let waiting = Task { try await board.outcome(of: run, firstLook: .seconds(60)) { _ in [] } }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
  }

  @Test("Only so many outcomes are kept, and no large ones")
  func bounded() {
    var recent = RecentOutcomes()
    let runs = (0..<1025).map { _ in RunID.generate() }
    for run in runs { recent.add(run, done) }
    #expect(recent.outcome(of: runs[0]) == nil)
    #expect(recent.outcome(of: runs[1024]) != nil)
    let large = RunID.generate()
    recent.add(large, RunOutcome(status: .completed, outcome: Payload(json: Array(repeating: 0x31, count: 2000))))
    #expect(recent.outcome(of: large) == nil)
  }
}

private final class LookCounter: Sendable {
  let count = Atomic(0)
}
