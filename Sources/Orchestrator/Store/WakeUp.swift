import PostgreSQL
import Synchronization

/// Tells other processes that there is something to look at: after the commit, from a connection of its own, at most one notification per
/// channel at a time. Inside the committing transaction a NOTIFY would cost more than half of the throughput. A lost one costs latency,
/// never work: everybody looks by himself now and then.
final class WakeUp: Sendable {
  static let inboxChannel = "orchestrator_inbox"
  static let tasksChannel = "orchestrator_tasks"

  private struct Channel {
    var isSending = false
    var isWanted = false
  }

  private let database: Database
  private let channels = Mutex<[String: Channel]>([:])

  init(_ database: Database) {
    self.database = database
  }

  func send(_ name: String) {
    let mustSend = channels.withLock { channels in
      if channels[name, default: Channel()].isSending {
        channels[name]?.isWanted = true
        return false
      }
      channels[name]?.isSending = true
      return true
    }
    guard mustSend else { return }
    Task { await self.deliver(name) }
  }

  private func deliver(_ name: String) async {
    while true {
      _ = try? await database.query(ActivityTaskStatements.notify, Parameters(name))
      let goesOn = channels.withLock { channels in
        let wanted = channels[name]?.isWanted ?? false
        channels[name] = Channel(isSending: wanted, isWanted: false)
        return wanted
      }
      if !goesOn { return }
    }
  }
}
