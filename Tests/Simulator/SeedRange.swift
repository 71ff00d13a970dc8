import Foundation
import Orchestrator
import Synchronization

/// Many seeds, shared out to threads; stops at the first violation.
final class SeedRange: Sendable {
  private struct Progress {
    var next: UInt64
    var done: UInt64 = 0
    var running: Int
    var steps = 0
    var acknowledgements = 0
    var failed: Simulation.Outcome?
  }

  private let options: SimulatorOptions
  private let simulation: Simulation
  private let progress: Mutex<Progress>
  private let began = ContinuousClock.now
  private let finished = DispatchSemaphore(value: 0)

  init(_ options: SimulatorOptions) {
    self.options = options
    simulation = Simulation(sabotage: options.sabotage)
    progress = Mutex(Progress(next: options.first, running: options.threads))
  }

  /// - Returns: whether no seed broke a promise.
  func run() -> Bool {
    for number in 0..<options.threads { startThread(named: "seeds-\(number)") { self.work() } }
    finished.wait()
    let (failed, done, steps, acknowledgements) = progress.withLock { ($0.failed, $0.done, $0.steps, $0.acknowledgements) }
    let seconds = Double((ContinuousClock.now - began).milliseconds) / 1000
    print(
      "\(done) seeds, \(steps) steps, \(acknowledgements) acknowledgements checked in \(seconds) s: \(Int(Double(done) / seconds * 60)) seeds a minute"
    )
    guard let failed else { return true }
    let traced = simulation.run(seed: failed.seed, isTracing: true)
    for line in traced.lines.suffix(60) { print(line) }
    print(traced.summary)
    print("replay it: make simulate SEED=\(failed.seed)")
    return false
  }

  private func work() {
    while let seed = takeSeed() {
      let outcome = simulation.run(seed: seed)
      if options.printsHashes { print("\(seed) \(String(outcome.hash, radix: 16))") }
      note(outcome)
    }
    let isLast = progress.withLock { progress in
      progress.running -= 1
      return progress.running == 0
    }
    if isLast { finished.signal() }
  }

  private func takeSeed() -> UInt64? {
    progress.withLock { progress in
      guard progress.failed == nil, progress.next < options.first + options.seeds else { return nil }
      defer { progress.next += 1 }
      return progress.next
    }
  }

  private func note(_ outcome: Simulation.Outcome) {
    let done = progress.withLock { progress in
      progress.done += 1
      progress.steps += outcome.steps
      progress.acknowledgements += outcome.acknowledgements
      if !outcome.violations.isEmpty, progress.failed == nil { progress.failed = outcome }
      return progress.done
    }
    if done % 1000 == 0 { print("\(done) of \(options.seeds) seeds") }
  }
}
