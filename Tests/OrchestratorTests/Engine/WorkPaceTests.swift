import Testing

@testable import Orchestrator

@Suite struct WorkPaceTests {
  @Test func `a task alone waits for nothing, many let more gather, and the wait fades when others are faster`() {
    var pace = WorkPace()
    let times = [1, 3, 100, 0, 0, 0, 0].map { pace.gatherTime(after: $0) }
    #expect(times == [0, 0, 4000, 2000, 1000, 500, 0].map { .microseconds($0) })
  }

  @Test func `who finds nothing looks ever more rarely, and often again after a find`() {
    var pace = WorkPace()
    let pauses = [0, 0, 0, 0, 0, 0, 1].map { count in
      _ = pace.gatherTime(after: count)
      return pace.pause
    }
    #expect(pauses == [40, 80, 160, 320, 500, 500, 20].map { .milliseconds($0) })
  }
}
