/// The time that passes for an activity: virtual where its engine is in memory, else real.
package enum VirtualTime {
  /// Of the activity that runs in this task; nil where time is real.
  @TaskLocal package static var sleeper: (@Sendable (Duration) async throws -> Void)?

  /// Lets time pass.
  /// - Throws: `CancellationError`.
  package static func sleep(for duration: Duration) async throws {
    guard duration > .zero else { return }
    guard let sleeper else { return try await Task.sleep(for: duration) }
    try await sleeper(duration)
  }
}

extension InMemoryEngine {
  /// How this attempt lets virtual time pass.
  func sleeper(_ key: ActivityKey, _ attempt: Int32) -> @Sendable (Duration) async throws -> Void {
    { [weak self] duration in try await self?.sleep(key, attempt, duration) }
  }

  private func sleep(_ key: ActivityKey, _ attempt: Int32, _ duration: Duration) async throws {
    let (number, end) = take { (dispatcher.nextSleeper(), model.now + duration.boundedMilliseconds * 1000) }
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let isWaiting = take { !Task.isCancelled && dispatcher.addSleeper(number, key, attempt, until: end, continuation) }
        if !isWaiting { continuation.resume() }
      }
    } onCancel: {
      take { dispatcher.wakeSleeper(number) }
    }
    try Task.checkCancellation()
  }
}
