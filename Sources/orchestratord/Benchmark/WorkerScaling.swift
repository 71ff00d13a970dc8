import Orchestrator
import PostgreSQL

/// One-activity workflows whose activity goes through the task queue to worker processes; owner and driver are this process. Each round
/// is done with each number of workers in turn.
struct WorkerScaling: BenchmarkDriver {
  let run: BenchmarkRun
  let client: Client

  func measure(_ numbers: Range<Int>) async throws -> BenchmarkTally {
    var tally = BenchmarkTally(seconds: 0, units: 0)
    for (index, workers) in run.workers.enumerated() {
      let share = numbers.share(index, of: run.workers.count)
      let part = try await withWorkers(workers) {
        try await UnitDriver(run.inFlight, .remoteActivities, WorkloadUnits(client).remoteStep).measure(share)
      }
      tally.seconds += part.seconds
      tally.units += part.units
      tally.times += part.times
      tally.details["per_second_\(workers)_workers"] = Double(part.units) / part.seconds
    }
    if let two = tally.details["per_second_2_workers"], let four = tally.details["per_second_4_workers"] {
      tally.details["four_to_two"] = four / two
    }
    return tally
  }

  private func withWorkers(_ count: Int, _ body: () async throws -> BenchmarkTally) async throws -> BenchmarkTally {
    var workers: [BenchmarkProcess] = []
    let result: Result<BenchmarkTally, any Error>
    do {
      for _ in 0..<count { workers.append(try await BenchmarkProcess.start(.worker, run.program, run.database.engine)) }
      result = .success(try await body())
    } catch {
      result = .failure(error)
    }
    for worker in workers { await worker.stop() }
    return try result.get()
  }
}

extension Range<Int> {
  /// One of so many parts that are as equal as can be.
  func share(_ index: Int, of parts: Int) -> Range<Int> {
    lowerBound + count * index / parts..<lowerBound + count * (index + 1) / parts
  }
}
