/// How much heavy work runs at once: the rest waits in order of arrival.
actor WorkSlots {
  private var free: Int
  private let maximumWaiting: Int
  private let refusal: @Sendable (_ waiting: Int) -> any Error
  private var waiting: [(id: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
  private var nextID: UInt64 = 0

  /// - Parameter refusal: what is thrown when so much waits already.
  init(concurrent: Int, maximumWaiting: Int, refusal: @escaping @Sendable (_ waiting: Int) -> any Error) {
    free = concurrent
    self.maximumWaiting = maximumWaiting
    self.refusal = refusal
  }

  /// Throws the refusal, or `CancellationError`.
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
    guard waiting.count < maximumWaiting else { throw refusal(waiting.count) }
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
