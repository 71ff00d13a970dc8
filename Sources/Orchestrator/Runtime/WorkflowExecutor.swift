import CProcess
import Synchronization

/// Runs the jobs of one workflow execution: a first-in first-out list, drained inline on the thread that entered.
///
/// It is a `TaskExecutor` only. Child tasks inherit it, so `async let` and task groups stay here; made a `SerialExecutor` too, the
/// order of jobs would differ between optimised and unoptimised builds (measured).
final class WorkflowExecutor: TaskExecutor, @unchecked Sendable {
  // Safe to share: `jobs` and `head` are touched only by the thread whose identity stands in `drainer`, everything else is locked or atomic.
  // Unchecked: a job runs between accesses, never within one.
  @exclusivity(unchecked) private var jobs: [UnownedJob] = []
  @exclusivity(unchecked) private var head = 0
  private let drainer = Atomic<UInt>(0)
  private let foreign = Mutex(ForeignJobs())
  private let hasEscaped = Atomic<Bool>(false)
  private let firstEscape = Mutex<String?>(nil)
  /// Called on a foreign thread when a job arrives while nobody drains: workflow code awaited something that is not durable.
  private let onForeignJob: @Sendable () -> Void

  init(onForeignJob: @escaping @Sendable () -> Void) {
    self.onForeignJob = onForeignJob
  }

  /// Whether the calling thread is the one that drains this run now.
  var isCurrent: Bool { drainer.load(ordering: .relaxed) == UInt(process_current_thread()) }

  /// Whether code of this run was ever seen on a foreign thread.
  var wasEscaped: Bool { hasEscaped.load(ordering: .acquiring) }

  /// What was seen first on a foreign thread.
  var escape: String? { wasEscaped ? firstEscape.withLock { $0 } : nil }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isCurrent {
      jobs.append(job)
      return
    }
    let (isAbandoned, mustDrain) = foreign.withLock { foreign in
      foreign.jobs.append(job)
      return (foreign.isAbandoned, foreign.beginDraining())
    }
    if !isAbandoned { reportEscape("its code continued on a foreign thread") }
    // Not here: the caller may hold a lock that the code's own clean-up wants.
    if mustDrain { Task.detached { self.drainAbandoned() } }
  }

  /// Code of this run ran on a foreign thread.
  func reportEscape(_ detail: String) {
    firstEscape.withLock { $0 = $0 ?? detail }
    hasEscaped.store(true, ordering: .releasing)
    onForeignJob()
  }

  /// Makes the calling thread the drainer while the body runs.
  func enter<Result>(_ body: () throws -> Result) rethrows -> Result {
    let thread = UInt(process_current_thread())
    let previous = drainer.exchange(thread, ordering: .acquiringAndReleasing)
    defer { drainer.store(previous, ordering: .releasing) }
    return try body()
  }

  /// Runs jobs until none is left or the budget is used up; only inside `enter`.
  /// - Returns: whether none is left.
  @discardableResult
  func drain(budget: inout Int) -> Bool {
    while head < jobs.count {
      guard budget > 0 else { return false }
      budget -= 1
      let job = jobs[head]
      head += 1
      job.runSynchronously(on: asUnownedTaskExecutor())
    }
    jobs.removeAll(keepingCapacity: true)
    head = 0
    return true
  }

  /// Nobody will enter again: jobs that foreign threads brought, or bring later, run where they can, so that the run's memory is freed.
  func abandon() {
    let mustDrain = foreign.withLock { foreign in
      foreign.isAbandoned = true
      return foreign.beginDraining()
    }
    if mustDrain { drainAbandoned() }
  }

  private func drainAbandoned() {
    var budget = Limits.jobsPerActivation
    while true {
      let arrived = foreign.withLock { $0.takeOrStopDraining() }
      if arrived.isEmpty { return }
      enter {
        jobs.append(contentsOf: arrived)
        drain(budget: &budget)
      }
    }
  }
}

private struct ForeignJobs {
  var jobs: [UnownedJob] = []
  var isAbandoned = false
  private var isDraining = false

  /// Whether the caller now has to drain; one thread at a time does.
  mutating func beginDraining() -> Bool {
    guard isAbandoned, !isDraining else { return false }
    isDraining = true
    return true
  }

  mutating func takeOrStopDraining() -> [UnownedJob] {
    defer { jobs.removeAll() }
    if jobs.isEmpty { isDraining = false }
    return jobs
  }
}
