import Glibc
import Synchronization

/// Notices an activation that does not end, and keeps its thread out of the engine when it ends after all.
final class ActivationWatch: ActivationMonitor, Sendable {
  private struct Current {
    var runID: RunID
    var instance: WorkflowInstance
    var since: ContinuousClock.Instant
  }

  private struct State {
    var current: Current?
    /// Counts the threads that drove the owner; only the newest may go on.
    var generation = 0
  }

  private let state = Mutex(State())
  private static let threadGeneration = ThreadValue()

  /// The calling thread drives the owner from now on.
  func adoptThread() {
    Self.threadGeneration.value = state.withLock { $0.generation }
  }

  func began(_ runID: RunID, _ instance: WorkflowInstance) {
    state.withLock { $0.current = Current(runID: runID, instance: instance, since: .now) }
  }

  /// Never returns on a thread that was given up: it must not touch the engine again.
  func ended() {
    let mine = Self.threadGeneration.value
    let isGivenUp = state.withLock { state in
      guard state.generation == mine else { return true }
      state.current = nil
      return false
    }
    while isGivenUp { pause() }
  }

  /// Gives up the thread of an activation that runs too long.
  func giveUpBlocked(after limit: Duration) -> (runID: RunID, lastCommand: String)? {
    state.withLock { state in
      guard let current = state.current, ContinuousClock.now - current.since > limit else { return nil }
      state.current = nil
      state.generation += 1
      // A torn read cannot happen: the thread that wrote it is the one that does not return.
      return (current.runID, current.instance.lastCommand)
    }
  }
}

/// A number of the calling thread.
private final class ThreadValue: Sendable {
  private let key: pthread_key_t

  init() {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    self.key = key
  }

  var value: Int {
    get { Int(bitPattern: pthread_getspecific(key)) }
    set { pthread_setspecific(key, UnsafeRawPointer(bitPattern: newValue)) }
  }
}
