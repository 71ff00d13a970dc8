import Orchestrator
import PostgreSQL

/// Schedules that are all due at one moment, each with a one-step workflow; from that moment until all have ended.
struct ScheduledStarts: BenchmarkDriver {
  let database: BenchmarkDatabase

  func measure(_ numbers: Range<Int>) async throws -> BenchmarkTally {
    let startedBefore = try await database.figure(BenchmarkStatements.startedRuns)
    let closedBefore = try await database.figure(BenchmarkStatements.closedRuns)
    let input = try PayloadCodec.encode(BenchmarkPayload(numbers.lowerBound)).text
    let parameters = Parameters(Int32(numbers.lowerBound), Int32(numbers.upperBound - 1), input)
    // They are due when they become visible, all at once.
    try await onOwnThread { _ = try PipelineConnection(database.engine).run((BenchmarkStatements.scheduleMany, parameters)) }
    let begun = ContinuousClock.now
    let startSeconds = try await database.wait(for: BenchmarkStatements.startedRuns, toReach: startedBefore + numbers.count)
    _ = try await database.wait(for: BenchmarkStatements.closedRuns, toReach: closedBefore + numbers.count)
    let seconds = (ContinuousClock.now - begun).seconds
    return BenchmarkTally(seconds: seconds, units: numbers.count, details: ["start_seconds": startSeconds, "finish_seconds": seconds])
  }
}
