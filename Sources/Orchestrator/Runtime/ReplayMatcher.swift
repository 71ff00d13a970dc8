/// Rebuilds an execution from its history and checks every command against the recorded one.
struct ReplayMatcher {
  /// What the history leaves open after a replay.
  struct Outcome {
    /// Activities scheduled that have no outcome and may still get one.
    var openActivities: [OpenActivity] = []
    /// Inline steps that were asked for and have no recorded outcome: they run again.
    var openInlineSteps: [InlineTask] = []
    var openTimers: [OpenTimer] = []
    /// Events that asked for what is open, by sequence, for `caused_by` of the answer.
    var scheduledBy: [Int32: Int32] = [:]
    var lastEventID: Int32 = 0
    var isClosed = false
    /// What the code commands for a last event that it had not seen before.
    var newCommands: [Command] = []

    /// What was open when a reset copied this history is asked for anew.
    mutating func restartTimeLimits(at: Int64) {
      openActivities = openActivities.map {
        OpenActivity(task: $0.task, scheduledAt: max($0.scheduledAt, at), isCancelRequested: $0.isCancelRequested)
      }
    }
  }

  struct OpenActivity {
    let task: ActivityTask
    let scheduledAt: Int64
    /// It was asked to stop, and the code waits until it has.
    let isCancelRequested: Bool
  }

  struct OpenTimer {
    let sequence: Int32
    /// Microseconds since the Unix epoch.
    let dueAt: Int64
  }

  private let instance: WorkflowInstance
  private var outcome = Outcome()
  /// Their schedule events; read only of those that are open at the end.
  private var activities: [Int32: HistoryEvent] = [:]
  private var stopping: Set<Int32> = []
  private var timers: [Int32: OpenTimer] = [:]
  private var inlineSteps: [Int32: InlineTask] = [:]
  private let isLastEventNew: Bool
  /// The number of the last event that code is told of.
  private let lastTold: Int
  /// Most histories have none, and are not searched for them at each event.
  private let hasPatches: Bool

  private init(_ instance: WorkflowInstance, isLastEventNew: Bool, lastTold: Int, hasPatches: Bool) {
    self.instance = instance
    self.isLastEventNew = isLastEventNew
    self.lastTold = lastTold
    self.hasPatches = hasPatches
  }

  /// - Parameter isLastEventNew: the code has not seen the last event; its commands are given back instead of compared.
  /// - Throws: `WorkflowProblem` at the first difference.
  static func replay(
    _ history: [HistoryEvent], into instance: WorkflowInstance, isLastEventNew: Bool = false
  ) throws -> Outcome {
    var matcher = ReplayMatcher(
      instance, isLastEventNew: isLastEventNew, lastTold: (history.lastIndex { $0.type != .workflowExecutionOptionsUpdated } ?? 0) + 1,
      hasPatches: history.contains { $0.type == .patchRecorded || $0.type == .workflowExecutionOptionsUpdated })
    defer { instance.recordedPatches = nil }
    for (index, event) in history.enumerated() where event.eventID != Int32(index + 1) {
      throw WorkflowProblem.damagedHistory(eventID: event.eventID, reason: "event \(index + 1) is missing")
    }
    // Its workflow id had an open run: it was recorded only to fail, or to go on as that one, and its code never ran.
    if let last = history.last, last.type == .workflowExecutionFailed || last.type == .workflowExecutionContinuedAsNew, last.causedBy == 0,
      history.dropFirst().dropLast().allSatisfy({ $0.type == .workflowExecutionSignaled })
    {
      return Outcome(lastEventID: last.eventID, isClosed: true)
    }
    var index = 0
    let seen = seenByCode(history)
    while index < seen {
      index = try matcher.replayStep(history, from: index)
    }
    if seen < history.count { (matcher.outcome.lastEventID, matcher.outcome.isClosed) = (Int32(history.count), true) }
    return try matcher.finish()
  }

  /// How many events reached the code for certain. An end that it had no part in, termination or the engine's, came with the signals right
  /// before it that were accepted and on their way, or that waited while the code was blocked.
  private static func seenByCode(_ history: [HistoryEvent]) -> Int {
    guard let last = history.last, last.causedBy == 0, last.type.isClose else { return history.count }
    return (history.dropLast().lastIndex { $0.type != .workflowExecutionSignaled } ?? 0) + 1
  }

  /// One incoming event and the commands recorded under it.
  private mutating func replayStep(_ history: [HistoryEvent], from index: Int) throws -> Int {
    let event = history[index]
    guard !event.type.isCommand else {
      throw WorkflowProblem.nonDeterminism(
        eventID: event.eventID, expected: try describe(event), found: "nothing for event \(event.causedBy)")
    }
    let incoming = try reading(event) { try IncomingEvent(event) }
    try check(incoming, event)
    outcome.lastEventID = event.eventID
    note(incoming)
    instance.eventID = event.eventID
    let isNew = isLastEventNew && index == lastTold - 1
    instance.recordedPatches = isNew ? nil : try patches(history, behind: index)
    let activation = try instance.activate(incoming, at: event.at, replaying: true)
    for task in activation.inlineSteps { inlineSteps[task.sequence] = task }
    if isNew {
      outcome.newCommands = activation.commands
      return history.count
    }
    return try match(activation.commands, history, from: index + 1, cause: event.eventID)
  }

  /// A run starts once; and an inline step has no schedule event, so its outcome is where changed code shows.
  private func check(_ incoming: IncomingEvent, _ event: HistoryEvent) throws {
    switch incoming {
    case .started where event.eventID > 1:
      throw WorkflowProblem.damagedHistory(eventID: event.eventID, reason: "the run started already")
    case .markerRecorded(let sequence, let name, _):
      let asked = inlineSteps[sequence]?.activityType
      guard asked != name else { return }
      throw WorkflowProblem.nonDeterminism(
        eventID: event.eventID, expected: "inline step '\(name)' (sequence \(sequence))",
        found: asked.map { "inline step '\($0)' (sequence \(sequence))" } ?? "no inline step with that sequence")
    case .started: break
    default:
      if event.eventID == 1 { throw WorkflowProblem.damagedHistory(eventID: 1, reason: "the history does not begin with the start") }
    }
  }

  private mutating func match(_ commands: [Command], _ history: [HistoryEvent], from start: Int, cause: Int32) throws -> Int {
    var index = start
    for command in commands {
      skipPatches(history, &index)
      // Accepted while the run was closing: recorded before its last event, never seen by its code.
      while command.type.isClose, index < history.count, history[index].type == .workflowExecutionSignaled { index += 1 }
      guard index < history.count, history[index].type.isCommand else {
        let expected = index < history.count ? "\(history[index].type.name) as the next event" : "the end of the history"
        throw WorkflowProblem.nonDeterminism(
          eventID: Int32(index + 1), expected: expected, found: command.fingerprint.description)
      }
      let event = history[index]
      let recorded = try reading(event) { try CommandFingerprint(event) }
      guard recorded == command.fingerprint, event.causedBy == cause else {
        throw WorkflowProblem.nonDeterminism(
          eventID: event.eventID, expected: "\(recorded) caused by event \(event.causedBy)",
          found: "\(command.fingerprint) caused by event \(cause)")
      }
      try note(command, event)
      index += 1
    }
    skipPatches(history, &index)
    return index
  }

  /// The patches recorded under the event at this index.
  private func patches(_ history: [HistoryEvent], behind index: Int) throws -> Set<String> {
    guard hasPatches else { return [] }
    let recorded = history[(index + 1)...].prefix { $0.type.isCommand || $0.type == .workflowExecutionOptionsUpdated }.lazy.filter {
      $0.type == .patchRecorded
    }
    return Set(try recorded.compactMap { event in try reading(event) { try AttributesReader(event.attributes).text("patchId") } })
  }

  /// A move to another version is none of the code's business. Recorded patches answer the code; what it asks of them is no command at a replay, and one that it no longer asks for is none that differs.
  private mutating func skipPatches(_ history: [HistoryEvent], _ index: inout Int) {
    while hasPatches, index < history.count,
      history[index].type == .patchRecorded || history[index].type == .workflowExecutionOptionsUpdated
    {
      index += 1
      outcome.lastEventID = Int32(index)
    }
  }

  private mutating func note(_ incoming: IncomingEvent) {
    guard let sequence = incoming.sequence else { return }
    end(sequence)
    inlineSteps[sequence] = nil
  }

  private mutating func end(_ sequence: Int32) {
    activities[sequence] = nil
    timers[sequence] = nil
    outcome.scheduledBy[sequence] = nil
  }

  private mutating func note(_ command: Command, _ event: HistoryEvent) throws {
    outcome.lastEventID = event.eventID
    switch command {
    case .scheduleActivity(let task):
      activities[task.sequence] = event
      outcome.scheduledBy[task.sequence] = event.eventID
    case .startTimer(let sequence, let milliseconds):
      let recorded = try reading(event) { try AttributesReader(event.attributes).integer("startToFireMilliseconds") } ?? milliseconds
      guard 0...Limits.durationMilliseconds ~= recorded else {
        throw WorkflowProblem.damagedHistory(eventID: event.eventID, reason: "a timer of \(recorded) ms")
      }
      timers[sequence] = OpenTimer(sequence: sequence, dueAt: event.at + recorded * 1000)
      outcome.scheduledBy[sequence] = event.eventID
    case .requestCancelActivity(let sequence):
      // A wait that goes on is still pending.
      if instance.isPending(sequence) { stopping.insert(sequence) } else { end(sequence) }
    case .cancelTimer(let sequence): end(sequence)
    case .startChild(let task): outcome.scheduledBy[task.sequence] = event.eventID
    case .requestCancelExternal(let sequence, _), .signalExternal(let sequence, _, _, _): outcome.scheduledBy[sequence] = event.eventID
    case .requestCancelChild, .signalChild, .recordPatch, .completeUpdate, .upsertSearchAttributes: break
    case .completeWorkflow, .failWorkflow, .cancelWorkflow, .continueAsNew: outcome.isClosed = true
    }
  }

  private func finish() throws -> Outcome {
    var outcome = outcome
    // What was recorded counts, not what today's code would ask for: timeouts and input of an activity in flight do not change.
    outcome.openActivities = try activities.sorted { $0.key < $1.key }.map { sequence, event in
      OpenActivity(
        task: try reading(event) { try ActivityTask(event) }, scheduledAt: event.at,
        isCancelRequested: stopping.contains(sequence))
    }
    outcome.openTimers = timers.values.sorted { $0.sequence < $1.sequence }
    outcome.openInlineSteps = inlineSteps.values.filter { instance.isPending($0.sequence) }.sorted { $0.sequence < $1.sequence }
    return outcome
  }

  private func describe(_ event: HistoryEvent) throws -> String {
    try reading(event) { try CommandFingerprint(event) }.description
  }

  private func reading<Result>(_ event: HistoryEvent, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch {
      throw WorkflowProblem.damagedHistory(eventID: event.eventID, reason: String(describing: error))
    }
  }
}
