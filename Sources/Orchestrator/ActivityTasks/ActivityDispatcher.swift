/// Runs what the owner's process does itself: attempts of activities, and inline steps. Outcomes come back as messages.
protocol ActivityDispatcher: AnyObject {
  /// All that one commit set free.
  func start(_ work: [LocalWork])
  /// The workflow no longer waits for it.
  func cancel(_ key: ActivityKey)
  /// It is to end as soon as it can, and to tell how.
  func stop(_ key: ActivityKey)
  /// Takes attempts back that wait for a place.
  func withdraw(where isHeld: @Sendable (ActivityAttempt) -> Bool) -> [ActivityAttempt]
  /// Heartbeat details that arrived since the last call.
  func takeHeartbeats() -> [(key: ActivityKey, details: Payload)]
}

/// What an owner's process does itself.
enum LocalWork: Sendable {
  case attempt(ActivityAttempt)
  case step(InlineStep)
}

extension ActivityDispatcher {
  /// Nothing waits for a place.
  func withdraw(where isHeld: @Sendable (ActivityAttempt) -> Bool) -> [ActivityAttempt] { [] }

  func start(_ attempt: ActivityAttempt) { start([.attempt(attempt)]) }
}

/// Watches activations from outside, so that code which blocks is noticed.
protocol ActivationMonitor: AnyObject {
  func began(_ runID: RunID, _ instance: WorkflowInstance)
  func ended()
}

final class SilentMonitor: ActivationMonitor {
  func began(_ runID: RunID, _ instance: WorkflowInstance) {}
  func ended() {}
}
