@testable import Orchestrator

/// What is broken on purpose, to see the checker notice.
enum Sabotage: String, CaseIterable {
  case none
  /// A commit does not look at the fence.
  case noFence
  /// A run closes over messages in its inbox.
  case noInboxCheck
  /// A worker's word counts without its lease.
  case noLeaseToken
  /// A batch that came once is written twice, now and then.
  case batchTwice
  /// A failed attempt of a program's step counts as a result, now and then.
  case lostFailure

  /// What the store still checks.
  var guards: StoreGuards {
    switch self {
    case .none, .batchTwice, .lostFailure: .all
    case .noFence: .all.subtracting(.fence)
    case .noInboxCheck: .all.subtracting(.inbox)
    case .noLeaseToken: .all.subtracting(.leases)
    }
  }
}
