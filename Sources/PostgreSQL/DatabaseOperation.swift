import Synchronization

/// One piece of work for a connection of the reactor, with who waits for it.
final class DatabaseOperation: Sendable {
  enum Work: Sendable {
    case transaction([BoundStatement])
    /// Several statements as text, by the simple protocol.
    case script(String)
  }

  /// Where the work runs and what becomes of the connection after it.
  enum Place: Sendable, Equatable {
    /// On any free connection, which is free again afterwards.
    case pool
    /// On any free connection, which the caller keeps when the work succeeds.
    case poolKeepingLease
    case leased(Int)
  }

  struct Reply: Sendable {
    let rows: [Rows]
    let connection: Int
  }

  let identifier: UInt64
  let work: Work
  let place: Place
  /// Whether a connection lost during this work may already have committed it.
  let mayCommit: Bool
  /// Set before the reactor hears of a cancellation that overtakes the work itself.
  let isCancelled = Atomic<Bool>(false)
  private let waiter = Mutex<CheckedContinuation<Reply, any Error>?>(nil)

  private static let identifiers = Atomic<UInt64>(0)

  init(_ work: Work, on place: Place, mayCommit: Bool) {
    identifier = Self.identifiers.add(1, ordering: .relaxed).newValue
    self.work = work
    self.place = place
    self.mayCommit = mayCommit
  }

  func attach(_ continuation: CheckedContinuation<Reply, any Error>) {
    waiter.withLock { $0 = continuation }
  }

  /// Tells the caller; only the first call counts.
  func finish(_ result: Result<Reply, any Error>) {
    let continuation = waiter.withLock { waiter in
      defer { waiter = nil }
      return waiter
    }
    continuation?.resume(with: result)
  }
}
