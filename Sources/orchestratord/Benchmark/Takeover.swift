import Foundation
import Orchestrator
import PostgreSQL

/// An owner process is killed (kill -9) with so many runs in flight, all of them with steps under way; another process, which owns the other
/// half of the slots, takes them over. Times count from the kill.
struct Takeover: BenchmarkDriver {
  let run: BenchmarkRun

  private static let patience = Duration.seconds(60)
  /// Steps that the runs have done before, on the average.
  private static let stepsBefore = 10

  func measure(_ numbers: Range<Int>) async throws -> BenchmarkTally {
    var processes: [BenchmarkProcess] = []
    let result: Result<BenchmarkTally, any Error>
    do {
      for _ in 0..<2 { processes.append(try await BenchmarkProcess.start(.owner, run.program, run.database.engine)) }
      try await shareSlots()
      result = .success(try await takeOver(from: processes.removeFirst(), numbers))
    } catch {
      result = .failure(error)
    }
    for process in processes { process.kill() }
    // The next round begins with nothing in flight.
    try await onOwnThread { [database = run.database] in try database.perform(BenchmarkStatements.forgetRuns) }
    return try result.get()
  }

  /// Until each of both owns half.
  private func shareSlots() async throws {
    _ = try await run.database.wait(for: BenchmarkStatements.fewestSlots, toReach: Slot.count / 2)
  }

  private func takeOver(from victim: BenchmarkProcess, _ numbers: Range<Int>) async throws -> BenchmarkTally {
    try await startRuns(numbers)
    // The killed one is to have as many runs as were asked for: both get the same.
    let events = 2 * numbers.count * (1 + 2 * Self.stepsBefore)
    _ = try await run.database.wait(for: BenchmarkStatements.openEvents, toReach: events)
    let database = run.database
    let (killed, before) = try await onOwnThread {
      let progress = try TakeoverProgress(database)
      let owner = try progress.owner(named: victim.word)
      let runs = try progress.runs(of: owner)
      let killed = ContinuousClock.now
      victim.kill()
      // What it had sent last still lands; nobody else writes for its runs before two heartbeats are missed.
      try progress.waitUntilGone(owner)
      return (killed, try progress.events(of: runs))
    }
    guard !before.isEmpty else { throw BenchmarkError("the killed process had no runs") }
    let (first, all) = try await onOwnThread {
      try TakeoverProgress(database).follow(before, since: killed, patience: Self.patience)
    }
    return BenchmarkTally(
      seconds: all, units: before.count,
      details: ["first_seconds": first, "all_seconds": all, "runs_in_flight": Double(before.count)])
  }

  /// Twice as many, because two processes own them.
  private func startRuns(_ numbers: Range<Int>) async throws {
    let client = Client(try Database(run.database.engine, maximumConnections: 8), identity: "bench")
    let first = 2 * numbers.lowerBound
    _ = try await LoadDriver(inFlight: 64).run(first..<first + 2 * numbers.count) { number in
      try await client.start(BenchmarkEndless.self, id: "endless-\(number)", input: number)
      return 0
    }
  }
}

/// How far the runs of a killed process are. Blocks.
private struct TakeoverProgress {
  private let connection: PipelineConnection

  init(_ database: BenchmarkDatabase) throws {
    connection = try PipelineConnection(database.engine)
  }

  func owner(named process: String) throws -> Int64 {
    let rows = try connection.run((BenchmarkStatements.ownerOfProcess, Parameters("%/\(process)")))[0]
    guard rows.count == 1 else { throw BenchmarkError("the process that is to be killed owns no slots") }
    return try rows.int64(0, 0)
  }

  /// The server notices a closed socket when it next reads from it.
  func waitUntilGone(_ owner: Int64) throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while try connection.run((BenchmarkStatements.sessionsOfOwner, Parameters(owner)))[0].int64(0, 0) > 0 {
      guard ContinuousClock.now < deadline else { throw BenchmarkError("the killed process's session did not end within 10 s") }
    }
  }

  func runs(of owner: Int64) throws -> [RunID] {
    let rows = try connection.run((BenchmarkStatements.runsOfOwner, Parameters(owner)))[0]
    return try (0..<rows.count).map { RunID(try rows.uuid($0, 0)) }
  }

  /// The number of the last event of each.
  func events(of runs: some Sequence<RunID>) throws -> [RunID: Int32] {
    let column = ArrayColumn(.uuid)
    for run in runs { column.append(run.uuid) }
    var parameters = Parameters()
    parameters.append(column)
    let rows = try connection.run((BenchmarkStatements.progressOfRuns, parameters))[0]
    return Dictionary(uniqueKeysWithValues: try (0..<rows.count).map { (RunID(try rows.uuid($0, 0)), try rows.int32($0, 1)) })
  }

  /// Looks until every run has one more event.
  func follow(
    _ before: [RunID: Int32], since killed: ContinuousClock.Instant, patience: Duration
  ) throws -> (first: Double, all: Double) {
    var waiting = before
    var first: Double?
    while true {
      let now = try events(of: waiting.keys)
      let seconds = (ContinuousClock.now - killed).seconds
      waiting = waiting.filter { now[$0.key] == $0.value }
      if first == nil, waiting.count < before.count { first = seconds }
      if waiting.isEmpty, let first { return (first, seconds) }
      guard ContinuousClock.now - killed < patience else {
        throw BenchmarkError("\(patience) after the kill \(waiting.count) of \(before.count) runs had not advanced")
      }
      Thread.sleep(forTimeInterval: 0.01)
    }
  }
}
