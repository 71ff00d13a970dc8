import Orchestrator
import PostgreSQL

/// Many runs that wait for a signal: started, out of memory, then all signalled by SQL in large transactions, woken and finished.
struct ParkedRuns: Sendable {
  let count: Int
  let inFlight: Int
  let database: BenchmarkDatabase
  let progress: BenchmarkProgress

  private static let signalsPerTransaction = 500
  private static let patience = Duration.seconds(300)

  func drive(_ client: Client, _ tally: inout BenchmarkRun.Tally) async throws {
    let sizeBefore = try await number(BenchmarkStatements.databaseSize)
    let closedBefore = try await number(BenchmarkStatements.closedRuns)
    let begun = ContinuousClock.now
    tally.times = try await LoadDriver(inFlight: inFlight).run(0..<count) { number in
      let begun = ContinuousClock.now
      try await client.start(BenchmarkSignalled.self, id: "parked-\(number)", input: BenchmarkPayload(number))
      return (ContinuousClock.now - begun).seconds * 1000
    }
    let startSeconds = (ContinuousClock.now - begun).seconds
    progress.say("parked: \(count) started, waiting until all are parked")
    let parkSeconds = try await wait(for: BenchmarkStatements.parkedRuns, toReach: count)
    let bytes = try await number(BenchmarkStatements.databaseSize) - sizeBefore
    progress.say("parked: signalling all")
    let signalled = ContinuousClock.now
    try await onOwnThread { try signalAll() }
    let signalSeconds = (ContinuousClock.now - signalled).seconds
    client.wake()
    _ = try await wait(for: BenchmarkStatements.closedRuns, toReach: closedBefore + count)
    let wakeSeconds = (ContinuousClock.now - signalled).seconds
    tally.seconds = startSeconds + wakeSeconds
    tally.units = count
    tally.details = [
      "start_seconds": startSeconds, "park_seconds": parkSeconds, "signal_seconds": signalSeconds, "wake_seconds": wakeSeconds,
      "database_bytes_per_parked_run": Double(bytes) / Double(count),
    ]
  }

  private func signalAll() throws {
    let connection = try PipelineConnection(database.engine)
    let input = #"{"position":1,"title":"the signal that all of them were waiting for, sent by SQL","trackId":1000000}"#
    for first in stride(from: 0, to: count, by: Self.signalsPerTransaction) {
      let last = min(count, first + Self.signalsPerTransaction) - 1
      _ = try connection.run((BenchmarkStatements.signalMany, Parameters(Int32(first), Int32(last), input)))
    }
  }

  /// Looks until the number is reached.
  /// - Returns: the seconds that took.
  private func wait(for statement: Statement, toReach goal: Int) async throws -> Double {
    let begun = ContinuousClock.now
    while true {
      let reached = try await number(statement)
      if reached >= goal { return (ContinuousClock.now - begun).seconds }
      guard ContinuousClock.now - begun < Self.patience else {
        throw BenchmarkError("after \(Self.patience) \(statement.name) was \(reached) of \(goal)")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  private func number(_ statement: Statement) async throws -> Int {
    try await onOwnThread { [database] in try database.number(statement) }
  }
}

/// Why a measurement ended without a figure.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
