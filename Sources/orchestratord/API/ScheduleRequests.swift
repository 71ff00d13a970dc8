import HTTP
import Orchestrator

/// The body of `POST /api/v1/schedules` and `PUT /api/v1/schedules/{scheduleId}`: a schedule as `GET` shows it, in which all but `spec` and
/// `action` may be left out.
struct ScheduleRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case scheduleId, version, spec, action, policies, state }

  /// Only in a `POST`; the path of a `PUT` says it.
  let scheduleID: String?
  /// Only in a `PUT`: the version that the change was made from.
  let version: Int64?
  let schedule: Schedule

  private struct Action: Decodable {
    let workflowType: String
    let workflowId: String?
    let input: Payload?
  }

  private struct State: Decodable {
    let paused: Bool?
    let note: String?
    let remainingActions: Int64?
  }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    scheduleID = try fields.decodeIfPresent(String.self, forKey: .scheduleId)
    version = try fields.decodeIfPresent(Int64.self, forKey: .version)
    let action = try fields.decode(Action.self, forKey: .action)
    let state = try fields.decodeIfPresent(State.self, forKey: .state)
    schedule = Schedule(
      specification: try fields.decode(ScheduleSpecification.self, forKey: .spec),
      action: ScheduleAction(
        workflowType: action.workflowType, workflowID: action.workflowId ?? scheduleID ?? "", input: action.input ?? .null),
      policies: try fields.decodeIfPresent(SchedulePolicies.self, forKey: .policies) ?? SchedulePolicies(),
      state: ScheduleState(isPaused: state?.paused ?? false, note: state?.note ?? "", remainingActions: state?.remainingActions))
  }
}

/// The body of `.../pause` and `.../unpause`.
struct NoteRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case note }

  let note: String?

  init(from decoder: any Decoder) throws {
    note = try decoder.container(keyedBy: Field.self).decodeIfPresent(String.self, forKey: .note)
  }
}

/// The body of `.../trigger`.
struct TriggerRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case overlapPolicy }

  let overlap: OverlapPolicy?

  init(from decoder: any Decoder) throws {
    overlap = try decoder.container(keyedBy: Field.self).decodeIfPresent(OverlapPolicy.self, forKey: .overlapPolicy)
  }
}

/// The body of `.../backfill`.
struct BackfillRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case from, through, overlapPolicy }

  let from: RecordedTime
  let through: RecordedTime
  let overlap: OverlapPolicy?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    from = try fields.decode(RecordedTime.self, forKey: .from)
    through = try fields.decode(RecordedTime.self, forKey: .through)
    overlap = try fields.decodeIfPresent(OverlapPolicy.self, forKey: .overlapPolicy)
  }
}
