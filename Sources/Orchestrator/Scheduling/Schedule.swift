/// Starts a workflow again and again: when, what, how overlapping runs are dealt with, and how it stands.
///
///     let everyMorning = Schedule(
///       specification: ScheduleSpecification(calendars: [CalendarSpecification(hour: [6])], timeZone: "Europe/Berlin"),
///       action: try ScheduleAction(starting: SendReport.self, workflowID: "report", input: "sales"))
///     try await client.createSchedule("morning-report", everyMorning)
public struct Schedule: Codable, Sendable, Equatable {
  public var specification: ScheduleSpecification
  public var action: ScheduleAction
  public var policies: SchedulePolicies
  public var state: ScheduleState

  public init(
    specification: ScheduleSpecification, action: ScheduleAction, policies: SchedulePolicies = SchedulePolicies(),
    state: ScheduleState = ScheduleState()
  ) {
    self.specification = specification
    self.action = action
    self.policies = policies
    self.state = state
  }

  enum CodingKeys: String, CodingKey {
    case specification = "spec"
    case action, policies, state
  }
}

/// What a schedule does: it starts a workflow, whose id is this one, a hyphen and the nominal time: `report-2026-11-21T18:00:00Z`.
public struct ScheduleAction: Codable, Sendable, Equatable {
  public var workflowType: String
  /// Beginning of the workflow ids; at most 227 bytes.
  public var workflowID: String
  public var input: Payload

  public init(workflowType: String, workflowID: String, input: Payload = .null) {
    self.workflowType = workflowType
    self.workflowID = workflowID
    self.input = input
  }

  /// - Throws: `PayloadError` when the input does not encode.
  public init<W: Workflow>(starting workflow: W.Type, workflowID: String, input: W.Input) throws {
    self.init(workflowType: W.name, workflowID: workflowID, input: try PayloadCodec.encode(input))
  }

  enum CodingKeys: String, CodingKey {
    case workflowID = "workflowId"
    case workflowType, input
  }

  /// Bytes that a time adds to a workflow id: `-2026-11-21T18:00:00.000000Z`.
  static let timeBytes = 28
}

/// What happens when a time comes while a run that the schedule started is still open. Temporal's policies.
public enum OverlapPolicy: String, Codable, Sendable, CaseIterable {
  /// Nothing: the time is counted as skipped. The default.
  case skip = "Skip"
  /// One start waits until the run has closed; further ones are skipped.
  case bufferOne = "BufferOne"
  /// Every start waits for its turn, up to 1000.
  case bufferAll = "BufferAll"
  /// The run is asked to cancel; the newest start waits until it has closed.
  case cancelOther = "CancelOther"
  /// The run is terminated and the new one started in the same transaction.
  case terminateOther = "TerminateOther"
  /// Runs side by side.
  case allowAll = "AllowAll"
}

/// How a schedule deals with what gets in its way.
public struct SchedulePolicies: Codable, Sendable, Equatable {
  public var overlap: OverlapPolicy
  /// Times that passed while no process was there are made up for when they are younger than this, and counted as missed otherwise. From 10 s on;
  /// default 365 days.
  public var catchupWindow: Duration
  /// A run that fails or times out pauses the schedule; default no.
  public var pauseOnFailure: Bool

  public init(overlap: OverlapPolicy = .skip, catchupWindow: Duration = .days(365), pauseOnFailure: Bool = false) {
    self.overlap = overlap
    self.catchupWindow = catchupWindow
    self.pauseOnFailure = pauseOnFailure
  }

  private static let fields = ["overlapPolicy", "catchupWindow", "pauseOnFailure"]

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: FieldName.self)
    try container.refuseFields(exceptFor: Self.fields, of: "a schedule's policies")
    self.init(
      overlap: try container.decodeIfPresent(OverlapPolicy.self, forKey: "overlapPolicy") ?? .skip,
      catchupWindow: try DurationText.decode("catchupWindow", of: container) ?? .days(365),
      pauseOnFailure: try container.decodeIfPresent(Bool.self, forKey: "pauseOnFailure") ?? false)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: FieldName.self)
    try container.encode(overlap, forKey: "overlapPolicy")
    try container.encode(DurationText.text(of: catchupWindow), forKey: "catchupWindow")
    try container.encode(pauseOnFailure, forKey: "pauseOnFailure")
  }
}

/// What people change while a schedule stands.
public struct ScheduleState: Codable, Sendable, Equatable {
  /// Times pass without a start while it is paused; triggers and backfills start all the same.
  public var isPaused: Bool
  /// Why it is paused or not; at most 4096 bytes are kept.
  public var note: String
  /// Starts by time that are left; nil, the default, for no limit. Triggers and backfills do not count.
  public var remainingActions: Int64?

  public init(isPaused: Bool = false, note: String = "", remainingActions: Int64? = nil) {
    self.isPaused = isPaused
    self.note = note
    self.remainingActions = remainingActions
  }

  enum CodingKeys: String, CodingKey {
    case isPaused = "paused"
    case note, remainingActions
  }
}

extension Schedule {
  /// - Returns: its times, ready for search.
  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  func checked() throws -> ScheduleTimes {
    let times = try ScheduleTimes(specification)
    try Client.checkName("workflow type", action.workflowType)
    try Client.checkName("workflow id", action.workflowID)
    let longest = Limits.nameBytes - ScheduleAction.timeBytes
    guard action.workflowID.utf8.count <= longest else {
      throw Self.invalid("the workflow id of a schedule has at most \(longest) bytes: each run's id adds its time")
    }
    guard action.input.bytes.count <= Limits.payloadBytes else {
      throw Self.invalid(PayloadError.tooLarge(bytes: action.input.bytes.count).description)
    }
    guard (10_000...Limits.durationMilliseconds).contains(policies.catchupWindow.milliseconds) else {
      throw Self.invalid("the catch-up window must be between 10 s and 1000 years")
    }
    guard state.remainingActions ?? 0 >= 0 else { throw Self.invalid("the remaining actions cannot be less than 0") }
    return times
  }

  static func invalid(_ message: String) -> OrchestratorError { OrchestratorError(.invalidArgument, message) }
}
