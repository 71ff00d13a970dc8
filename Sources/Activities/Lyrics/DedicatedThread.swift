import Foundation
import Synchronization

/// Runs long computations on threads of their own, so that they never take one from Swift's small cooperative pool.
enum DedicatedThread {
  /// Told to a running computation, which looks at it between its steps.
  final class Cancellation: Sendable {
    private let isRequested = Atomic<Bool>(false)

    func check() throws(CancellationError) {
      if isRequested.load(ordering: .relaxed) { throw CancellationError() }
    }

    fileprivate func request() { isRequested.store(true, ordering: .relaxed) }
  }

  /// Returns when the computation has ended, also after a cancellation: nothing goes on unseen.
  static func run<Result: Sendable>(
    name: String, _ computation: @escaping @Sendable (Cancellation) throws -> Result
  ) async throws -> Result {
    let cancellation = Cancellation()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Swift.Result { try computation(cancellation) }) }
        thread.name = name
        thread.stackSize = 8 << 20
        thread.start()
      }
    } onCancel: {
      cancellation.request()
    }
  }
}
