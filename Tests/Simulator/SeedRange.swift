import Foundation
import Orchestrator
import Synchronization

/// Many seeds, shared out to threads; those that break a promise are listed at the end.
final class SeedRange: Sendable {
  private let options: SimulatorOptions
  private let progress: Mutex<Progress>
  private let began = ContinuousClock.now
  private let finished = DispatchSemaphore(value: 0)

  private struct Progress {
    var nextSeed: UInt64
    var running: Int
    var report: SimulationReport
    var nextLine = ContinuousClock.now + SeedRange.betweenLines
  }

  private static let betweenLines = Duration.seconds(10)
  /// So that a lock is taken rarely.
  private static let seedsAtOnce: UInt64 = 16

  init(_ options: SimulatorOptions) {
    self.options = options
    progress = Mutex(Progress(nextSeed: options.first, running: options.threads, report: SimulationReport(options.kind)))
  }

  /// - Returns: whether no seed broke a promise.
  func run() -> Bool {
    for number in 0..<options.threads { startThread(named: "seeds-\(number)") { self.work() } }
    finished.wait()
    let report = progress.withLock(\.report)
    if let failed = report.violations.first {
      let traced = Simulation(options.kind, sabotage: options.sabotage).run(seed: failed.seed, isTracing: true)
      for line in traced.lines.suffix(60) { print(line) }
      print(traced.summary)
    }
    for line in report.lines(after: ContinuousClock.now - began) { print(line) }
    return report.violations.isEmpty
  }

  private func work() {
    // One of its own: threads that count references of the same objects slow each other down.
    let simulation = Simulation(options.kind, sabotage: options.sabotage)
    while let seeds = takeSeeds() {
      var report = SimulationReport(options.kind)
      for seed in seeds {
        let outcome = simulation.run(seed: seed)
        if options.printsHashes { print("\(seed) \(String(outcome.hash, radix: 16))") }
        report.add(outcome)
      }
      note(report)
    }
    let isLast = progress.withLock { progress in
      progress.running -= 1
      return progress.running == 0
    }
    if isLast { finished.signal() }
  }

  private func takeSeeds() -> Range<UInt64>? {
    let end = options.first + options.seeds
    if let minutes = options.minutes, ContinuousClock.now - began > .seconds(60 * minutes) { return nil }
    return progress.withLock { progress in
      guard progress.nextSeed < end else { return nil }
      let first = progress.nextSeed
      progress.nextSeed = min(end, first + Self.seedsAtOnce)
      return first..<progress.nextSeed
    }
  }

  private func note(_ report: SimulationReport) {
    let (shown, isDue) = progress.withLock { progress in
      progress.report.add(report)
      let isDue = ContinuousClock.now >= progress.nextLine
      if isDue { progress.nextLine = ContinuousClock.now + Self.betweenLines }
      return (progress.report, isDue)
    }
    for outcome in report.violations { print("violation: \(outcome.summary)") }
    if isDue { print(shown.progressLine(of: options.seeds, after: ContinuousClock.now - began)) }
    fflush(nil)
  }
}
