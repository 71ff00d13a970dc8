import Synchronization

/// An attempt under way in this process.
final class LocalAttempt: Sendable {
  private enum Phase {
    case begun
    /// Its code waits for something; it goes on as this task.
    case waiting(Task<Void, Never>)
    case stopped
    /// With its outcome when its first part was all of it, until the lane asks.
    case ended(AttemptReport.Outcome?)
  }

  let attempt: ActivityAttempt
  /// Microseconds of the monotonic clock.
  let startedAt: Int64
  /// Microseconds since the Unix epoch by PostgreSQL's clock.
  let startedTime: Int64
  let heartbeats = HeartbeatRecorder()
  private let phase = Mutex(Phase.begun)

  init(_ attempt: ActivityAttempt, startedAt: Int64, startedTime: Int64) {
    self.attempt = attempt
    self.startedAt = startedAt
    self.startedTime = startedTime
  }

  /// Its first part came back; it may have ended or been stopped meanwhile.
  /// - Returns: the outcome when that part was all of it.
  func waits(_ task: Task<Void, Never>) -> AttemptReport.Outcome? {
    let (isStopped, outcome) = phase.withLock { phase -> (Bool, AttemptReport.Outcome?) in
      switch phase {
      case .begun: phase = .waiting(task)
      case .stopped: return (true, nil)
      case .ended(let outcome): return (false, outcome)
      case .waiting: break
      }
      return (false, nil)
    }
    if isStopped { task.cancel() }
    return outcome
  }

  /// Its code came to an end.
  /// - Returns: whether the caller sees to what follows; during the first part the lane does.
  func end(_ outcome: AttemptReport.Outcome) -> Bool {
    phase.withLock { phase in
      if case .begun = phase {
        phase = .ended(outcome)
        return false
      }
      phase = .ended(nil)
      return true
    }
  }

  /// Cancels its code, now or when its first part comes back.
  func stop() {
    let task = phase.withLock { phase -> Task<Void, Never>? in
      switch phase {
      case .begun: phase = .stopped
      case .waiting(let task): return task
      case .stopped, .ended: break
      }
      return nil
    }
    task?.cancel()
  }

  /// Why its time is up; nil while it is not.
  /// - Parameters:
  ///   - elapsed: microseconds of the monotonic clock.
  ///   - time: microseconds since the Unix epoch by PostgreSQL's clock.
  func timeout(elapsed: Int64, time: Int64) -> Failure? {
    let options = attempt.task.options
    if let total = options.scheduleToCloseMilliseconds, time - attempt.scheduledAt > total * 1000 {
      return Failure(
        kind: .scheduleToCloseTimeout, type: "ScheduleToCloseTimeout", message: "all attempts together took longer than \(total) ms",
        isRetryable: false)
    }
    if (elapsed - startedAt) / 1000 > options.startToCloseMilliseconds {
      return Failure(
        kind: .startToCloseTimeout, type: "StartToCloseTimeout",
        message: "the attempt took longer than \(options.startToCloseMilliseconds) ms")
    }
    if let gap = options.heartbeatMilliseconds, (elapsed - max(heartbeats.lastAt, startedAt)) / 1000 > gap {
      return Failure(kind: .heartbeatTimeout, type: "HeartbeatTimeout", message: "no heartbeat for \(gap) ms")
    }
    return nil
  }
}

extension ActivityAttempt {
  var info: ActivityInfo {
    ActivityInfo(
      namespace: workflow.namespace, workflowID: workflow.workflowID, runID: key.runID, sequence: key.sequence,
      activityType: task.activityType, taskQueue: task.options.taskQueue, attempt: attempt, scheduledAt: scheduledAt,
      heartbeatDetails: heartbeatDetails, headers: Headers(task.header))
  }

  /// Whether it waited longer for its begin than it may.
  /// - Parameter time: microseconds since the Unix epoch by PostgreSQL's clock.
  func isLate(at time: Int64) -> Bool {
    guard let limit = task.options.scheduleToStartMilliseconds else { return false }
    return time - scheduledAt > limit * 1000
  }
}

extension InlineStep {
  func info(_ attempt: Int32) -> ActivityInfo {
    ActivityInfo(
      namespace: workflow.namespace, workflowID: workflow.workflowID, runID: key.runID, sequence: key.sequence,
      activityType: task.activityType, taskQueue: task.options.taskQueue, attempt: attempt, scheduledAt: scheduledAt, heartbeatDetails: nil,
      headers: Headers(task.header))
  }
}
