import CProcess
import Synchronization

/// Runs the jobs of one workflow execution: a first-in first-out list, drained inline on the thread that entered.
///
/// It is a `TaskExecutor` only. Child tasks inherit it, so `async let` and task groups stay here; made a `SerialExecutor` too, the
/// order of jobs would differ between optimised and unoptimised builds (measured).
final class WorkflowExecutor: TaskExecutor, @unchecked Sendable {
  // Safe to share: `jobs` and `head` are touched only by the thread whose identity stands in `drainer`, everything else is locked or atomic.
  private var jobs: [UnownedJob] = []
  private var head = 0
  private let drainer = Atomic<UInt>(0)
  private let foreign = Mutex<[UnownedJob]>([])
  private let hasEscaped = Atomic<Bool>(false)
  /// Called on a foreign thread when a job arrives while nobody drains: workflow code awaited something that is not durable.
  private let onForeignJob: @Sendable () -> Void

  init(onForeignJob: @escaping @Sendable () -> Void) {
    self.onForeignJob = onForeignJob
  }

  /// Whether the calling thread is the one that drains this run now.
  var isCurrent: Bool { drainer.load(ordering: .relaxed) == UInt(process_current_thread()) }

  /// Whether code of this run was ever seen on a foreign thread.
  var wasEscaped: Bool { hasEscaped.load(ordering: .acquiring) }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isCurrent {
      jobs.append(job)
    } else {
      foreign.withLock { $0.append(job) }
      reportEscape()
    }
  }

  /// Code of this run ran on a foreign thread.
  func reportEscape() {
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

  /// Runs jobs until none is left; only inside `enter`.
  func drain() {
    while head < jobs.count {
      let job = jobs[head]
      head += 1
      job.runSynchronously(on: asUnownedTaskExecutor())
    }
    jobs.removeAll(keepingCapacity: true)
    head = 0
  }

  /// Takes in what came from foreign threads, so that an evicted run's last jobs are run and its memory is freed.
  func adoptForeignJobs() {
    foreign.withLock { arrived in
      jobs.append(contentsOf: arrived)
      arrived.removeAll()
    }
  }
}
