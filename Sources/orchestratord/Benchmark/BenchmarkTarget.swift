/// What is asked of one figure of one workload.
struct BenchmarkTarget: Sendable {
  enum Comparison: Sendable {
    case atLeast(Double)
    case atMost(Double)
    /// Measured to be known; nothing is asked.
    case reported
  }

  let workload: Workload
  let figure: String
  let comparison: Comparison
  /// Digits behind the point.
  let digits: Int
  /// Nil when the report does not have it.
  let value: @Sendable (BenchmarkReport) -> Double?

  init(
    _ workload: Workload, _ figure: String, _ comparison: Comparison, digits: Int = 2,
    _ value: @escaping @Sendable (BenchmarkReport) -> Double?
  ) {
    (self.workload, self.figure, self.comparison, self.digits, self.value) = (workload, figure, comparison, digits, value)
  }

  func isMet(by value: Double) -> Bool? {
    switch comparison {
    case .atLeast(let target): value >= target
    case .atMost(let target): value <= target
    case .reported: nil
    }
  }
}

extension BenchmarkTarget {
  /// Every target there is; nowhere else is a number asked for.
  static let all: [BenchmarkTarget] =
    throughput + latency + composition + parked + schedules + replay + check + remote + takeover + streams
    + uploads + steady

  private static func detail(_ name: String) -> @Sendable (BenchmarkReport) -> Double? { { $0.details[name] } }

  private static let throughput: [BenchmarkTarget] = [
    BenchmarkTarget(.chain, "history rows/s, of the bound", .atLeast(0.65)) { $0.boundRatio },
    BenchmarkTarget(.chain, "commits a step", .atMost(0.01), digits: 4) { $0.commitsPerUnit },
    BenchmarkTarget(.chain, "WAL, of the bound's for as many rows", .atMost(1.25)) { $0.walRatio },
    BenchmarkTarget(.chain, "steps/s", .reported, digits: 0) { $0.perSecond },
    BenchmarkTarget(.inlineChain, "history rows/s, of the bound", .atLeast(0.5)) { $0.boundRatio },
    BenchmarkTarget(.inlineChain, "steps/s", .reported, digits: 0) { $0.perSecond },
    BenchmarkTarget(.oneStep, "history rows/s, of the bound", .atLeast(0.5)) { $0.boundRatio },
    BenchmarkTarget(.oneStep, "workflows/s", .reported, digits: 0) { $0.perSecond },
    BenchmarkTarget(.oneStepHTTP, "workflows/s", .reported, digits: 0) { $0.perSecond },
    BenchmarkTarget(.oneStepHTTP, "history rows/s, of the bound", .reported) { $0.boundRatio },
    BenchmarkTarget(.oneStepSQL, "workflows/s", .reported, digits: 0) { $0.perSecond },
    BenchmarkTarget(.oneStepSQL, "history rows/s, of the bound", .reported) { $0.boundRatio },
  ]

  private static let latency: [BenchmarkTarget] = [
    BenchmarkTarget(.latency, "start to result, p50 in bare commits", .atMost(4.5)) { $0.p50Commits },
    BenchmarkTarget(.latency, "start to result, p99 in bare commits", .atMost(8)) { $0.p99Commits },
    BenchmarkTarget(.latency, "start to result, p50 ms", .reported) { $0.p50Ms },
    BenchmarkTarget(.signalLatency, "signal to result, p50 in bare commits", .atMost(4.5)) { $0.p50Commits },
    BenchmarkTarget(.signalLatency, "signal to result, p99 in bare commits", .atMost(8)) { $0.p99Commits },
    BenchmarkTarget(.signalLatency, "signal to result, p50 ms", .reported) { $0.p50Ms },
  ]

  private static let composition: [BenchmarkTarget] = [
    BenchmarkTarget(.children, "children/s", .reported, digits: 0) { $0.perSecond },
    BenchmarkTarget(.children, "history rows/s, of the bound", .reported) { $0.boundRatio },
    BenchmarkTarget(.signals, "signals/s", .reported, digits: 0) { $0.perSecond },
    BenchmarkTarget(.signals, "one signal, p50 ms", .reported) { $0.p50Ms },
    BenchmarkTarget(.updates, "updates/s", .reported, digits: 0) { $0.perSecond },
    BenchmarkTarget(.updates, "one update with its answer, p50 ms", .reported) { $0.p50Ms },
  ]

  private static let parked: [BenchmarkTarget] = [
    BenchmarkTarget(.parked, "peak memory with the driver, MB", .atMost(150), digits: 0) { Double($0.peakRssBytes) / 1_000_000 },
    BenchmarkTarget(.parked, "bytes of database each", .atMost(800), digits: 0, detail("database_bytes_per_parked_run")),
    BenchmarkTarget(.parked, "seconds until all are started", .atMost(5), detail("start_seconds")),
    BenchmarkTarget(.parked, "seconds to signal, wake and finish all", .atMost(15), detail("wake_seconds")),
    BenchmarkTarget(.parked, "idle processor time, percent of one", .atMost(1), detail("idle_cpu_percent")),
  ]

  private static let schedules: [BenchmarkTarget] = [
    BenchmarkTarget(.schedules, "seconds until all are started", .atMost(60), detail("start_seconds")),
    BenchmarkTarget(.schedules, "seconds until all have ended", .reported, detail("finish_seconds")),
    BenchmarkTarget(.schedules, "workflows/s", .reported, digits: 0) { $0.perSecond },
  ]

  private static let replay: [BenchmarkTarget] = [
    BenchmarkTarget(.replay, "events/s on one thread", .atLeast(400_000), digits: 0) { $0.perSecond },
    BenchmarkTarget(.longRun, "seconds to rebuild the run", .atMost(0.2), digits: 3, detail("rebuild_seconds")),
    BenchmarkTarget(.longRun, "step in the last tenth, of the first", .atMost(1.1), detail("last_to_first")),
  ]

  private static let check: [BenchmarkTarget] = [
    BenchmarkTarget(.check, "seconds to replay all open runs", .reported, detail("check_seconds")),
    BenchmarkTarget(.check, "open runs/s", .reported, digits: 0) { $0.perSecond },
    BenchmarkTarget(.check, "events/s", .reported, digits: 0, detail("events_per_second")),
  ]

  private static let remote: [BenchmarkTarget] = [
    BenchmarkTarget(.remoteActivities, "workflows/s with 1 worker process", .reported, digits: 0, detail("per_second_1_workers")),
    BenchmarkTarget(.remoteActivities, "workflows/s with 2 worker processes", .reported, digits: 0, detail("per_second_2_workers")),
    BenchmarkTarget(.remoteActivities, "workflows/s with 4 worker processes", .reported, digits: 0, detail("per_second_4_workers")),
    BenchmarkTarget(.remoteActivities, "4 workers, of 2", .atLeast(0.9), detail("four_to_two")),
  ]

  private static let takeover: [BenchmarkTarget] = [
    BenchmarkTarget(.takeover, "seconds until the first run advances", .atMost(1), detail("first_seconds")),
    BenchmarkTarget(.takeover, "seconds until all have advanced", .atMost(5), detail("all_seconds")),
  ]

  private static let streams: [BenchmarkTarget] = [
    BenchmarkTarget(.streams, "memory of the serving process, MB", .atMost(200), digits: 0, detail("server_rss_mb")),
    BenchmarkTarget(.streams, "bytes of it each", .reported, digits: 0, detail("server_rss_bytes_per_stream")),
    BenchmarkTarget(.streams, "idle processor time, percent of one", .atMost(5), detail("idle_cpu_percent")),
    BenchmarkTarget(.streams, "change to event, p50 ms", .atMost(100), digits: 0) { $0.p50Ms },
    BenchmarkTarget(.streams, "change to event, p99 ms", .atMost(250), digits: 0) { $0.p99Ms },
  ]

  private static let uploads: [BenchmarkTarget] = [
    BenchmarkTarget(.uploads, "byte-identical after 5 kills", .atLeast(1), digits: 0, detail("byte_identical")),
    BenchmarkTarget(.uploads, "kills in the middle of a part", .atLeast(5), digits: 0, detail("kills")),
    BenchmarkTarget(.uploads, "server's peak memory, MB", .atMost(150), digits: 0, detail("server_peak_mb")),
    BenchmarkTarget(.uploads, "most that is sent again after a kill, MB", .reported, digits: 1, detail("most_sent_again_mb")),
    BenchmarkTarget(.uploads, "seconds of the last part, with the digest of all", .reported, detail("last_part_seconds")),
    BenchmarkTarget(.uploads, "MiB/s, kills and restarts included", .reported, digits: 0) { $0.perSecond },
  ]

  private static let steady: [BenchmarkTarget] = [
    BenchmarkTarget(.steady, "offered steps/s that were done", .atLeast(0.95), detail("done_to_offered")),
    BenchmarkTarget(.steady, "memory, last third of first", .atMost(1.1), detail("rss_growth")),
    BenchmarkTarget(.steady, "dead rows, last third of first", .atMost(1.25), detail("dead_rows_growth")),
    BenchmarkTarget(.steady, "size of tables, last third of first", .atMost(1.1), detail("table_bytes_growth")),
    BenchmarkTarget(.steady, "size of indexes, last third of first", .atMost(1.1), detail("index_bytes_growth")),
    BenchmarkTarget(.steady, "p50, last third of first", .atMost(1.25), detail("p50_growth")),
    BenchmarkTarget(.steady, "p99, last third of first", .atMost(1.5), detail("p99_growth")),
    BenchmarkTarget(.steady, "steps/s with a foreign snapshot, of before", .atLeast(0.8), detail("snapshot_to_before")),
  ]
}
