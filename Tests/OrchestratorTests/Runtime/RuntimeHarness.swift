import Foundation
import Testing

@testable import Orchestrator

/// Stands in for the owner of a run: feeds events, keeps the rows they become, knows what is open, evicts and replays.
final class RuntimeHarness {
  let seed: UInt64
  let info: WorkflowInfo
  let program: Scripted.Program
  private(set) var instance: WorkflowInstance
  private(set) var history: [HistoryEvent] = []
  private(set) var openActivities: [ActivityTask] = []
  private(set) var openInlineSteps: [InlineTask] = []
  private(set) var openTimers: [Int32] = []
  /// Activities whose cancellation was requested: their outcomes may still come.
  private(set) var cancelledActivities: [Int32] = []
  private var scheduledBy: [Int32: Int32] = [:]
  private var clock: Int64 = 1_700_000_000_000_000

  private static let definition = WorkflowDefinition(Scripted.self)

  init(seed: UInt64 = 1, history: [HistoryEvent] = [], program: @escaping Scripted.Program) {
    self.seed = seed
    info = Self.info(seed: seed)
    self.history = history
    self.program = program
    instance = Self.definition.makeInstance(info) {}
  }

  static func info(seed: UInt64) -> WorkflowInfo {
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: seed >> ($0 * 8)) }
    let uuid = UUID(
      uuid: (0, 0, 0, 0, 0, 0, 0x70, 0, bytes[7], bytes[6], bytes[5], bytes[4], bytes[3], bytes[2], bytes[1], bytes[0]))
    return WorkflowInfo(runID: RunID(uuid), workflowID: "w-\(seed)", namespace: "default", workflowType: Scripted.name)
  }

  var isClosed: Bool { history.last.map { $0.type.isCommand && $0.causedBy > 0 && closing.contains($0.type) } ?? false }

  private let closing: Set<EventType> = [
    .workflowExecutionCompleted, .workflowExecutionFailed, .workflowExecutionCanceled, .workflowExecutionContinuedAsNew,
  ]

  var text: String { get throws { try HistoryNotation.text(history) } }

  /// What the run returned.
  var result: String? {
    guard let last = history.last, last.type == .workflowExecutionCompleted else { return nil }
    return (try? AttributesReader(last.attributes))?.text("result")
  }

  func start(_ input: Payload = Payload(json: Array(#""in""#.utf8))) throws {
    try apply(
      .started(
        StartedAttributes(
          workflowType: info.workflowType, namespace: info.namespace, workflowID: info.workflowID, input: input, identity: "test",
          build: "test")))
  }

  func complete(_ sequence: Int32, _ result: String = "done") throws {
    try apply(.activityCompleted(sequence: sequence, result: try PayloadCodec.encode(result), by: nil))
  }

  func fail(_ sequence: Int32, type: String = "Broken") throws {
    try apply(.activityFailed(sequence: sequence, failure: Failure(type: type, message: "it broke"), by: nil))
  }

  func record(_ step: InlineTask, _ result: String = "inline") throws {
    try apply(
      .markerRecorded(sequence: step.sequence, name: step.activityType, outcome: .success(try PayloadCodec.encode(result))))
  }

  func fire(_ sequence: Int32) throws { try apply(.timerFired(sequence: sequence)) }

  func signal(_ name: String, _ input: some Encodable) throws {
    try apply(.signaled(SignaledAttributes(name: name, input: try PayloadCodec.encode(input), identity: "test", requestID: "")))
  }

  /// Stores an event that the code does not see.
  func accept(_ incoming: IncomingEvent) { _ = append(incoming.type, causedBy: 0, incoming.encoded()) }

  func cancel() throws { try apply(.cancelRequested(reason: "test", identity: "test")) }

  func apply(_ incoming: IncomingEvent) throws {
    clock += 1_000_000
    let eventID = append(incoming.type, causedBy: incoming.sequence.flatMap { scheduledBy[$0] } ?? 0, incoming.encoded())
    settle(incoming)
    instance.eventID = eventID
    let activation = try activate(instance, incoming, at: clock)
    for command in activation.commands { note(command, as: append(command.type, causedBy: eventID, command.encoded())) }
    openInlineSteps = (openInlineSteps + activation.inlineSteps).filter { instance.isPending($0.sequence) }
  }

  /// Forgets the code and rebuilds it from the rows; what is open must be what was kept.
  func evictAndReplay() throws {
    instance.evict()
    let outcome = try replay(program)
    #expect(outcome.openActivities.map(\.task) == openActivities)
    #expect(outcome.openTimers.map(\.sequence) == openTimers)
    #expect(outcome.openInlineSteps.map(\.sequence) == openInlineSteps.map(\.sequence))
    #expect(outcome.lastEventID == Int32(history.count))
    #expect(outcome.isClosed == isClosed)
  }

  /// Replays the rows into a fresh instance, perhaps with other code.
  @discardableResult
  func replay(_ program: @escaping Scripted.Program) throws -> ReplayMatcher.Outcome {
    let history = history
    instance = Self.definition.makeInstance(info) {}
    return try Scripted.with(program, for: instance) { try ReplayMatcher.replay(history, into: instance) }
  }

  /// The rows that a fresh instance gives for the same incoming events, byte by byte.
  func regenerated() throws -> [HistoryEvent] {
    let copy = RuntimeHarness(seed: seed, program: program)
    for event in history where !event.type.isCommand {
      copy.clock = event.at - 1_000_000
      try copy.apply(try IncomingEvent(event))
    }
    copy.instance.evict()
    return copy.history
  }

  private func activate(_ instance: WorkflowInstance, _ incoming: IncomingEvent, at time: Int64) throws -> Activation {
    try Scripted.with(program, for: instance) { try instance.activate(incoming, at: time, replaying: false) }
  }

  private func append(_ type: EventType, causedBy: Int32, _ attributes: [UInt8]) -> Int32 {
    let eventID = Int32(history.count + 1)
    history.append(HistoryEvent(eventID: eventID, type: type, at: clock, causedBy: causedBy, attributes: attributes))
    return eventID
  }

  private func settle(_ incoming: IncomingEvent) {
    guard let sequence = incoming.sequence else { return }
    openActivities.removeAll { $0.sequence == sequence }
    openInlineSteps.removeAll { $0.sequence == sequence }
    openTimers.removeAll { $0 == sequence }
    cancelledActivities.removeAll { $0 == sequence }
  }

  private func note(_ command: Command, as eventID: Int32) {
    switch command {
    case .scheduleActivity(let task):
      openActivities.append(task)
      scheduledBy[task.sequence] = eventID
    case .startTimer(let sequence, _):
      openTimers.append(sequence)
      scheduledBy[sequence] = eventID
    case .requestCancelActivity(let sequence):
      openActivities.removeAll { $0.sequence == sequence }
      cancelledActivities.append(sequence)
    case .cancelTimer(let sequence): openTimers.removeAll { $0 == sequence }
    case .startChild(let task): scheduledBy[task.sequence] = eventID
    case .requestCancelExternal(let sequence, _), .signalExternal(let sequence, _, _, _): scheduledBy[sequence] = eventID
    case .requestCancelChild, .signalChild, .recordPatch, .completeUpdate, .upsertSearchAttributes: break
    case .completeWorkflow, .failWorkflow, .cancelWorkflow, .continueAsNew: break
    }
  }
}
