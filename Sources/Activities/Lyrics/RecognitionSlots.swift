/// How many recognitions run at once: each takes a whole core and some 150 MB, so the rest wait in order of arrival.
actor RecognitionSlots {
  private var free: Int
  private let maximumWaiting: Int
  private var waiting: [(id: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
  private var nextID: UInt64 = 0

  init(concurrent: Int, maximumWaiting: Int) {
    free = concurrent
    self.maximumWaiting = maximumWaiting
  }

  /// Throws 429 when too many wait already, or `CancellationError`.
  func withSlot<Result: Sendable>(_ work: @Sendable () async throws -> Result) async throws -> Result {
    try await acquire()
    defer { release() }
    return try await work()
  }

  private func acquire() async throws {
    try Task.checkCancellation()
    if free > 0 {
      free -= 1
      return
    }
    guard waiting.count < maximumWaiting else {
      throw GoogleError.resourceExhausted("\(waiting.count) songs wait already. Try again later.", retryAfterSeconds: 10)
    }
    nextID += 1
    let id = nextID
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        if Task.isCancelled {
          continuation.resume(throwing: CancellationError())
        } else {
          waiting.append((id, continuation))
        }
      }
    } onCancel: {
      Task { await self.abandon(id) }
    }
  }

  private func release() {
    if waiting.isEmpty {
      free += 1
    } else {
      waiting.removeFirst().continuation.resume()
    }
  }

  private func abandon(_ id: UInt64) {
    guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
    waiting.remove(at: index).continuation.resume(throwing: CancellationError())
  }
}
