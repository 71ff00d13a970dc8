/// From where a reset run goes on. Events 1 to that place are kept: where the last of them is what the world told (a result, a signal), the code
/// decides anew what follows from it; where it is something the code did, all that it did then is kept.
public enum ResetPoint: Sendable, Equatable, CustomStringConvertible {
  /// The last event that is kept, from 1.
  case event(Int32)
  /// The start: everything runs again.
  case first
  /// What made the code ask for its last activity: that one runs again.
  case lastActivity
  /// Before the step that the failure tells of: it runs again, steps that were completed before it do not.
  case beforeFailure

  /// - Parameter text: the number of an event, `first`, `last-activity` or `before-failure`.
  public init?(_ text: String) {
    switch text {
    case "first": self = .first
    case "last-activity": self = .lastActivity
    case "before-failure": self = .beforeFailure
    default:
      guard let number = Int32(text), number > 0 else { return nil }
      self = .event(number)
    }
  }

  public var description: String {
    switch self {
    case .event(let number): "\(number)"
    case .first: "first"
    case .lastActivity: "last-activity"
    case .beforeFailure: "before-failure"
    }
  }
}

/// Messages after the reset point that are not delivered again.
public enum ResetExclusion: String, Sendable, CaseIterable {
  case signals, updates
}

/// What somebody asks for: a run whose history begins with a copy of another's. A class: it travels beside messages that have none.
final class ResetRequest: Sendable {
  let baseRunID: RunID
  /// The same again is the same request.
  let newRunID: RunID
  /// The workflow id of the new run: the base run's own, unless it is a fork.
  let target: WorkflowKey
  /// The base run goes on as it is.
  let isFork: Bool
  let point: ResetPoint
  let exclusions: Set<ResetExclusion>
  /// The new run's version; nil for the base run's.
  let versioning: RecordedVersioning?
  let reason: String
  let identity: String

  init(
    baseRunID: RunID, newRunID: RunID, target: WorkflowKey, isFork: Bool, point: ResetPoint, exclusions: Set<ResetExclusion>,
    versioning: RecordedVersioning? = nil, reason: String, identity: String
  ) {
    self.baseRunID = baseRunID
    self.newRunID = newRunID
    self.target = target
    self.isFork = isFork
    self.point = point
    self.exclusions = exclusions
    self.versioning = versioning
    self.reason = reason
    self.identity = identity
  }

  /// - Throws: `AttributesError` when a field is missing or damaged.
  init(_ reader: AttributesReader) throws {
    baseRunID = try require(reader.text("baseRunId").flatMap { RunID($0) })
    newRunID = try require(reader.text("newRunId").flatMap { RunID($0) })
    target = WorkflowKey(namespace: try require(reader.text("namespace")), workflowID: try require(reader.text("workflowId")))
    isFork = reader.text("mode") == "fork"
    point = try require(reader.text("point").flatMap(ResetPoint.init))
    exclusions = Set((reader.text("exclude") ?? "").split(separator: ",").compactMap { ResetExclusion(rawValue: String($0)) })
    versioning = reader.text("version").map { RecordedVersioning(.pinned, $0) }
    reason = reader.text("reason") ?? ""
    identity = reader.text("identity") ?? ""
  }

  func encoded() -> [UInt8] {
    var writer = AttributesWriter()
    writer.field("baseRunId", baseRunID.description)
    writer.field("newRunId", newRunID.description)
    writer.field("namespace", target.namespace)
    writer.field("workflowId", target.workflowID)
    writer.field("mode", isFork ? "fork" : "reset")
    writer.field("point", point.description)
    writer.field("exclude", exclusions.map(\.rawValue).sorted().joined(separator: ","))
    writer.field("version", versioning?.version)
    writer.field("reason", reason)
    writer.field("identity", identity)
    return writer.finish()
  }
}

/// Where a run's history was copied from, as its start event says.
struct ResetOrigin: Codable, Sendable, Equatable {
  /// A part of the history in which chance came from this run's identifier.
  struct Seed: Codable, Sendable, Equatable {
    let runID: RunID
    /// The first event of the next part.
    let until: Int32

    enum CodingKeys: String, CodingKey {
      case until
      case runID = "runId"
    }
  }

  let runID: RunID
  /// The last event that was copied.
  let eventID: Int32
  /// Microseconds since the Unix epoch: what was pending begins its time limits here.
  let at: Int64
  /// In order; behind them chance is the run's own.
  let seeds: [Seed]
  let reason: String
  let identity: String

  enum CodingKeys: String, CodingKey {
    case eventID = "eventId"
    case runID = "runId"
    case at, seeds, reason, identity
  }

  /// The run whose code handled this event first.
  func author(of eventID: Int32, in runID: RunID) -> RunID { seeds.first { $0.until > eventID }?.runID ?? runID }
}
