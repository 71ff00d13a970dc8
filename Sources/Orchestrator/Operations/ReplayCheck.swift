import Foundation
import PostgreSQL

/// What a build would do to the runs that are open: each is replayed against its code, nothing is written.
public struct ReplayCheck: Codable, Sendable {
  /// Runs whose code and history part in the same way.
  public struct Group: Codable, Sendable {
    public let workflowType: String
    /// Of the oldest of them.
    public let divergence: Replayer.Divergence
    public internal(set) var runs: Int
    /// The oldest of them, at most 5.
    public internal(set) var examples: [Example]
  }

  /// One of the runs that part from their histories.
  public struct Example: Codable, Sendable {
    public let runID: RunID
    public let namespace: String
    public let workflowID: String

    public init(runID: RunID, namespace: String, workflowID: String) {
      self.runID = runID
      self.namespace = namespace
      self.workflowID = workflowID
    }

    enum CodingKeys: String, CodingKey {
      case runID = "runId"
      case workflowID = "workflowId"
      case namespace
    }
  }

  /// Runs that were replayed.
  public private(set) var runs = 0
  /// Events of all of them.
  public private(set) var events = 0
  /// Empty when the code repeats every history; most frequent first.
  public private(set) var groups: [Group] = []

  public init() {}

  private static let examples = 5

  /// Counts one run.
  public mutating func add(_ run: Example, workflowType: String, events: Int, _ divergence: Replayer.Divergence?) {
    runs += 1
    self.events += events
    guard let divergence else { return }
    let fingerprint = divergence.fingerprint
    if let index = groups.firstIndex(where: { $0.workflowType == workflowType && $0.divergence.fingerprint == fingerprint }) {
      groups[index].runs += 1
      if groups[index].examples.count < Self.examples { groups[index].examples.append(run) }
    } else {
      groups.append(Group(workflowType: workflowType, divergence: divergence, runs: 1, examples: [run]))
    }
    groups.sort { ($1.runs, $0.workflowType) < ($0.runs, $1.workflowType) }
  }
}

extension Replayer.Divergence {
  /// The same for runs that part in the same way at other events.
  fileprivate var fingerprint: String {
    [code, recorded ?? "", found ?? message].joined(separator: "\n").replacing(/event \d+/, with: "event")
  }
}

extension Client {
  /// Replays every open run against the code of this client's registry: what would happen to them if this build were deployed now. Runs on all
  /// processors, reads only, and sees each run as it stands when its turn comes.
  /// - Parameters:
  ///   - namespace: nil for all.
  ///   - workflowType: nil for all.
  ///   - progress: told after some runs how many were checked so far.
  /// - Throws: `DatabaseError`; what differs is in the answer.
  public func checkOpenRuns(
    namespace: String? = nil, workflowType: String? = nil, progress: @Sendable (Int) -> Void = { _ in }
  ) async throws -> ReplayCheck {
    let replayer = try await replayer()
    var check = ReplayCheck()
    var after = RunID.smallest
    var isEnd = false
    try await withThrowingTaskGroup(of: [CheckedRun].self) { group in
      var waiting = 0
      while !isEnd || waiting > 0 {
        if !isEnd, waiting < ProcessInfo.processInfo.activeProcessorCount {
          let page = try await openRuns(after: after, namespace, workflowType)
          isEnd = page.count < Self.checkedPage
          guard let last = page.last else { continue }
          after = last.runID
          group.addTask { try await self.check(page, replayer) }
          waiting += 1
        } else if let checked = try await group.next() {
          waiting -= 1
          for run in checked { check.add(run.example, workflowType: run.info.workflowType, events: run.events, run.divergence) }
          progress(check.runs)
        }
      }
    }
    return check
  }

  /// Runs whose histories are in memory at a time for each processor; one may have 50,000 events.
  private static let checkedPage = 20

  private struct CheckedRun: Sendable {
    let info: WorkflowInfo
    var events = 0
    var divergence: Replayer.Divergence?

    var example: ReplayCheck.Example {
      ReplayCheck.Example(runID: info.runID, namespace: info.namespace, workflowID: info.workflowID)
    }
  }

  /// What cannot be read stays as it is, and the replay says so.
  private func decoded(_ history: [HistoryEvent], _ info: WorkflowInfo) -> [HistoryEvent] {
    guard let codec else { return history }
    let key = WorkflowKey(namespace: info.namespace, workflowID: info.workflowID)
    return history.map { (try? $0.decoded(codec, key)) ?? $0 }
  }

  private func openRuns(after: RunID, _ namespace: String?, _ workflowType: String?) async throws -> [WorkflowInfo] {
    let rows = try await database.run(
      VisibilityQueryStatements.openRuns(after: after, namespace, workflowType, limit: Self.checkedPage))[1]
    return try (0..<rows.count).map { row in
      WorkflowInfo(
        runID: RunID(try rows.uuid(row, 0)), workflowID: try rows.text(row, 2), namespace: try rows.text(row, 1),
        workflowType: try rows.text(row, 3))
    }
  }

  private func check(_ runs: [WorkflowInfo], _ replayer: Replayer) async throws -> [CheckedRun] {
    let identifiers = ArrayColumn(.uuid)
    for run in runs { identifiers.append(run.runID.uuid) }
    var parameters = Parameters()
    parameters.append(identifiers)
    // What is blocked is read before the events: one that comes meanwhile is then compared with what the code did for it.
    let blocked = try await database.query(ReadStatements.blocked, parameters)
    var unapplied: Set<RunID> = []
    for row in 0..<blocked.count where try blocked.bool(row, 2) { unapplied.insert(RunID(try blocked.uuid(row, 0))) }
    let rows = try await database.query(ReadStatements.history, parameters)
    let parts = Dictionary(uniqueKeysWithValues: try LoadedRuns.parts(of: rows))
    let found = try await database.query(ReadStatements.largeValues, parameters)
    var values: [RunID: LargeValues] = [:]
    for row in 0..<found.count {
      values[RunID(try found.uuid(row, 0)), default: LargeValues()].bytes[try found.bytes(row, 1)] = try found.bytes(row, 2)
    }
    return runs.map { info in
      // Removed by retention since it was listed.
      guard let part = parts[info.runID] else { return CheckedRun(info: info) }
      var checked = CheckedRun(info: info, events: part.count)
      do {
        var run = LoadedRun(runID: info.runID, history: try part.map { try LoadedRuns.event(rows, $0) })
        run.largeValues = values[info.runID] ?? LargeValues()
        let history = decoded(run.withLargeValues.history, info)
        checked.divergence = replayer.divergence(of: history, info.runID, isLastEventNew: unapplied.contains(info.runID))
      } catch {
        checked.divergence = Replayer.Divergence(.damagedHistory(eventID: Int32(part.count), reason: String(describing: error)))
      }
      return checked
    }
  }
}
