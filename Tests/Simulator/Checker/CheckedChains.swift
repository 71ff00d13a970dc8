import Foundation

/// Runs that continue each other as new: each end has one beginning in the same batch, and nothing that was accepted is lost between them.
struct CheckedChains {
  /// A run that goes on as another, and what it says of the signals that its code has received.
  private struct Link {
    let run: UUID
    let successor: UUID
    let received: Int?
    /// Signals recorded in its chain so far.
    let recorded: Int
  }

  /// The first run of each run's chain, where that is another.
  private var firsts: [UUID: UUID] = [:]
  /// The run that the signals of its chain are counted from, where that is another: its first, or one that goes on from a part of a history.
  private var origins: [UUID: UUID] = [:]
  private var successors: [UUID: UUID] = [:]
  private var predecessors: [UUID: UUID] = [:]
  /// Signals recorded in a chain, by its origin.
  private var requests: [UUID: Set<String>] = [:]
  private var carried: [UUID: Int] = [:]
  /// Chains with a run that was tried again: what its code received counts for nothing.
  private var retried: Set<UUID> = []
  // Of the batch that is being written.
  private var links: [Link] = []
  private var beginnings: [UUID] = []

  func successor(of run: UUID) -> UUID? { successors[run] }

  func predecessor(of run: UUID) -> UUID? { predecessors[run] }

  /// Whether a signal is recorded in the chain of a run.
  func holds(_ request: String, _ run: UUID) -> Bool { requests[origin(of: run)]?.contains(request) == true }

  /// - Returns: what is wrong with the event.
  mutating func take(_ run: UUID, _ type: Int, causedBy: Int, _ fields: AttributeScanner) -> String? {
    switch type {
    case CheckedRun.Number.started:
      // What goes on from a part of another's history has it all in its own.
      if fields.has("reset") {
        retried.insert(run)
        firsts[run] = fields.text("firstExecutionRunId").flatMap(UUID.init(uuidString:))
        return nil
      }
      guard let previous = fields.text("continuedExecutionRunId").flatMap(UUID.init(uuidString:)) else { return nil }
      predecessors[run] = previous
      firsts[run] = first(of: previous)
      origins[run] = origin(of: previous)
      carried[run] = fields.count(of: "signalName")
      beginnings.append(run)
      if fields.text("firstExecutionRunId").flatMap(UUID.init(uuidString:)) != firsts[run] { return "its chain begins elsewhere" }
    // A start that found an open run goes on as that: no end and no beginning.
    case CheckedRun.Number.continued where causedBy == 0: break
    case CheckedRun.Number.failed, CheckedRun.Number.runTimedOut:
      guard let next = fields.text("newExecutionRunId").flatMap(UUID.init(uuidString:)) else { return nil }
      successors[run] = next
      retried.insert(origin(of: run))
      links.append(Link(run: run, successor: next, received: nil, recorded: 0))
    case CheckedRun.Number.continued:
      guard let next = fields.text("newExecutionRunId").flatMap(UUID.init(uuidString:)) else { return "it continues as nobody" }
      successors[run] = next
      links.append(
        Link(run: run, successor: next, received: fields.integer("received"), recorded: requests[origin(of: run)]?.count ?? 0))
    case CheckedRun.Number.signaled:
      guard let request = fields.text("requestId") else { return nil }
      if !requests[origin(of: run), default: []].insert(request).inserted { return "request \(request) counts twice in its chain" }
    default: break
    }
    return nil
  }

  private func first(of run: UUID) -> UUID { firsts[run] ?? run }

  private func origin(of run: UUID) -> UUID { origins[run] ?? run }

  /// The batch is written: what it ended and what it began belong together.
  mutating func endBatch() -> [String] {
    var found: [String] = []
    for link in links {
      if predecessors[link.successor] != link.run {
        found.append("run \(link.run) continues as \(link.successor), which did not begin with it")
      }
      if let received = link.received, !retried.contains(origin(of: link.run)), let carried = carried[link.successor],
        received + carried != link.recorded
      {
        found.append("\(link.recorded) signals in the chain of \(link.run), its code received \(received) and \(carried) were handed on")
      }
    }
    for run in beginnings where predecessors[run].flatMap({ successors[$0] }) != run {
      found.append("run \(run) continues a run that did not end with its beginning")
    }
    links = []
    beginnings = []
    return found
  }
}
