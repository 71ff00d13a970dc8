import Synchronization

/// This process's own queue, which it begins to serve when an activity first asks for it.
final class OwnQueue: Sendable {
  private let queue: WorkerQueue
  private let isAsked = Atomic<Bool>(false)
  private let onAsked: @Sendable () -> Void

  init(identity: String, number: UInt64 = .random(in: .min ... .max), onAsked: @escaping @Sendable () -> Void = {}) {
    queue = WorkerQueue(identity: identity, number: number)
    self.onAsked = onAsked
  }

  /// Where one process is all there is.
  static let inMemory = OwnQueue(identity: "in-memory", number: 0)

  var name: String { queue.name }

  /// Whether somebody may know it.
  var isServed: Bool { isAsked.load(ordering: .acquiring) }

  func handOut() -> WorkerQueue {
    if !isAsked.exchange(true, ordering: .acquiringAndReleasing) { onAsked() }
    return queue
  }
}
