import Orchestrator
import PostgreSQL

/// Many runs that wait for a signal: started, out of memory, idle, then all signalled by SQL in large transactions, woken and finished.
struct ParkedRuns: BenchmarkDriver {
  let inFlight: Int
  let database: BenchmarkDatabase
  let client: Client
  let progress: BenchmarkProgress

  private static let signalsPerTransaction = 500
  /// Of the idle time: 10 s where there are enough of them to matter.
  private static let idleMilliseconds = 200...10_000

  func measure(_ numbers: Range<Int>) async throws -> BenchmarkTally {
    let sizeBefore = try await database.figure(BenchmarkStatements.databaseSize)
    let closedBefore = try await database.figure(BenchmarkStatements.closedRuns)
    let begun = ContinuousClock.now
    let times = try await LoadDriver(inFlight: inFlight).run(numbers) { number in
      let begun = ContinuousClock.now
      try await client.start(BenchmarkSignalled.self, id: "parked-\(number)", input: BenchmarkPayload(number))
      return (ContinuousClock.now - begun).seconds * 1000
    }
    let startSeconds = (ContinuousClock.now - begun).seconds
    progress.say("parked: \(numbers.count) started, waiting until all are parked")
    let parkSeconds = try await database.wait(for: BenchmarkStatements.parkedRuns, toReach: numbers.count)
    let bytes = try await database.figure(BenchmarkStatements.databaseSize) - sizeBefore
    let idle = try await idlePercent(numbers.count)
    progress.say("parked: signalling all")
    let signalled = ContinuousClock.now
    try await onOwnThread { try signalAll(numbers) }
    let signalSeconds = (ContinuousClock.now - signalled).seconds
    client.wake()
    _ = try await database.wait(for: BenchmarkStatements.closedRuns, toReach: closedBefore + numbers.count)
    let wakeSeconds = (ContinuousClock.now - signalled).seconds
    return BenchmarkTally(
      seconds: startSeconds + wakeSeconds, units: numbers.count, times: times,
      details: [
        "start_seconds": startSeconds, "park_seconds": parkSeconds, "signal_seconds": signalSeconds, "wake_seconds": wakeSeconds,
        "database_bytes_per_parked_run": Double(bytes) / Double(numbers.count), "idle_cpu_percent": idle,
      ])
  }

  /// Processor time of this process while all of them wait.
  private func idlePercent(_ count: Int) async throws -> Double {
    let milliseconds = min(max(count / 10, Self.idleMilliseconds.lowerBound), Self.idleMilliseconds.upperBound)
    progress.say("parked: idle for \(milliseconds) ms")
    // What was under way when the last was parked is not idleness.
    try await Task.sleep(for: .milliseconds(milliseconds / 10))
    let (processor, begun) = (ProcessorTime.ofThisProcess(), ContinuousClock.now)
    try await Task.sleep(for: .milliseconds(milliseconds))
    return (ProcessorTime.ofThisProcess() - processor) / (ContinuousClock.now - begun).seconds * 100
  }

  private func signalAll(_ numbers: Range<Int>) throws {
    let connection = try PipelineConnection(database.engine)
    let input = #"{"position":1,"title":"the signal that all of them were waiting for, sent by SQL","trackId":1000000}"#
    for first in stride(from: numbers.lowerBound, to: numbers.upperBound, by: Self.signalsPerTransaction) {
      let last = min(numbers.upperBound, first + Self.signalsPerTransaction) - 1
      _ = try connection.run((BenchmarkStatements.signalMany, Parameters(Int32(first), Int32(last), input)))
    }
  }
}
