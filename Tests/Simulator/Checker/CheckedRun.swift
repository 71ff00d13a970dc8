/// What the checker knows of one history: enough to judge the next event.
struct CheckedRun {
  /// Event types as the tables number them.
  enum Number {
    static let started = 1, completed = 2, failed = 3, runTimedOut = 4, scheduled = 10, done = 12, activityFailed = 13, timedOut = 14,
      cancelRequested = 15, activityCanceled = 16
    static let paused = 58, unpaused = 59
    static let timerStarted = 17, timerFired = 18, timerCanceled = 19, runCancelRequested = 20, canceled = 21, marker = 25, signaled = 26
    static let terminated = 27, continued = 28, childCancelRequested = 22, childInitiated = 29, childSignaled = 37
    static let attributesUpserted = 40, updateAccepted = 41, updateCompleted = 43
    static let externalCancelFailed = 23, externalCancelRequested = 24, externalSignalFailed = 38, externalSignaled = 39
    static let externalAnswers = [externalCancelFailed, externalCancelRequested, externalSignalFailed, externalSignaled]
    static let childCompleted = 32, childFailed = 33, childCanceled = 34, childTimedOut = 35, childTerminated = 36
    static let startDelayEnded = 1010
    static let childOutcomes = [
      childCompleted: completed, childFailed: failed, childCanceled: canceled, childTimedOut: runTimedOut, childTerminated: terminated,
    ]
    static let endings = [completed, failed, runTimedOut, canceled, terminated, continued]
    static let incoming = [
      started, done, activityFailed, timedOut, activityCanceled, timerFired, runCancelRequested, marker, signaled, childCompleted,
      childFailed, childCanceled,
      childTimedOut, childTerminated, externalCancelFailed, externalCancelRequested, externalSignalFailed, externalSignaled,
      updateAccepted, startDelayEnded,
    ]
  }

  struct Timer {
    let event: Int
    let dueAt: Int64
  }

  let slot: Int
  let workflow: String
  let isRefused: Bool
  private(set) var lastEvent = 0
  /// The type of its last event, once it has ended.
  private(set) var ending: Int?
  var isEnded: Bool { ending != nil }
  private(set) var isCancelRequested = false
  /// Its history began with a part of another's.
  var isCopy = false
  private var isPaused = false
  private(set) var requests: Set<String> = []
  /// Accepted ones, and whether each was answered.
  private(set) var updates: [String: Bool] = [:]
  private(set) var scheduled: [Int: Int] = [:]
  private(set) var settled: Set<Int> = []
  /// Activities whose end the code waits for when it has cancelled them, and those of them that were asked to stop.
  private var awaitedToEnd: Set<Int> = []
  private var stopping: Set<Int> = []
  private(set) var timers: [Int: Timer] = [:]
  /// The search attribute `Number` by the history, and by the table that queries read.
  private(set) var recordedNumber: Int?
  var storedNumber: Int?
  private var endedTimers: Set<Int> = []
  private var markers: Set<Int> = []
  private(set) var answered: Set<Int> = []
  private var lastAt: Int64 = 0
  /// When its first code may run, while it has not; and before when it must not time out.
  private var beginsAt: Int64?
  private var endsAt: Int64?
  /// Events that code may answer with commands.
  private var causes: Set<Int> = []

  init(slot: Int, workflow: String, isRefused: Bool) {
    self.slot = slot
    self.workflow = workflow
    self.isRefused = isRefused
  }

  /// Takes the next event.
  /// - Returns: which promise it breaks.
  mutating func take(_ event: Int, _ type: Int, at: Int64, causedBy: Int, _ fields: AttributeScanner) -> String? {
    defer {
      lastEvent = max(lastEvent, event)
      lastAt = max(lastAt, at)
      if Number.incoming.contains(type) { causes.insert(event) }
    }
    if event != lastEvent + 1 { return "P2: event \(event) follows event \(lastEvent)" }
    if (type == Number.started) != (event == 1) { return "P2: type \(type) as event \(event)" }
    if isEnded { return "P2: event \(event) of type \(type) behind the end" }
    if at < lastAt { return "P5: time goes back at event \(event)" }
    if type == Number.started { noteTimes(at, fields) }
    if let problem = time(type, at, fields) { return problem }
    if type == Number.started || type == Number.attributesUpserted { recordedNumber = fields.integer("Number") }
    return command(type, event, at, causedBy, fields) ?? outcome(type, event, at, causedBy, fields)
  }

  private mutating func noteTimes(_ at: Int64, _ fields: AttributeScanner) {
    beginsAt = fields.integer("startDelayMilliseconds").map { at + Int64($0) * 1000 }
    let limits = [
      fields.integer("runTimeoutMilliseconds").map { (beginsAt ?? at) + Int64($0) * 1000 }, fields.integer("expiresAt").map(Int64.init),
    ]
    endsAt = limits.compactMap(\.self).min()
  }

  private mutating func time(_ type: Int, _ at: Int64, _ fields: AttributeScanner) -> String? {
    switch type {
    case Number.startDelayEnded:
      guard let due = beginsAt else { return "P5: the end of a start delay that there is not" }
      beginsAt = nil
      return at < due ? "P5: the run began \(due - at) us early" : nil
    case Number.runTimedOut:
      guard let due = endsAt else { return "P5: a run timed out that may take as long as it likes" }
      return at < due ? "P5: the run timed out \(due - at) us early" : nil
    case Number.signaled, Number.updateAccepted:
      if fields.has("withStart") { beginsAt = nil }
    case Number.scheduled, Number.timerStarted, Number.childInitiated:
      if beginsAt != nil { return "P5: the run began before its time" }
    default: break
    }
    return nil
  }

  private mutating func command(_ type: Int, _ event: Int, _ at: Int64, _ causedBy: Int, _ fields: AttributeScanner) -> String? {
    let isByCode = [
      Number.scheduled, Number.cancelRequested, Number.timerStarted, Number.timerCanceled, Number.completed, Number.canceled,
      Number.continued, Number.childInitiated, Number.childCancelRequested, Number.childSignaled, Number.updateCompleted,
      Number.attributesUpserted,
    ].contains(type)
    if type == Number.paused || type == Number.unpaused { isPaused = type == Number.paused }
    // The engine ends what never began: a run that found its workflow id taken, and one that was cancelled before its time.
    let isNeverBegun = causedBy == 0 && (type == Number.canceled && beginsAt != nil || type == Number.continued && isRefused)
    if isByCode && !isNeverBegun && isPaused && !isCopy { return "P3: its code did event \(event) of type \(type) while it was paused" }
    if isByCode && !isNeverBegun && !causes.contains(causedBy) { return "P3: event \(event) of type \(type) has no cause" }
    if Number.endings.contains(type) {
      ending = type
      if causedBy > 0, let open = updates.first(where: { !$0.value })?.key { return "P1: the run ended before it answered update \(open)" }
    }
    let sequence = fields.integer("sequence") ?? 0
    switch type {
    case Number.scheduled:
      if scheduled.updateValue(event, forKey: sequence) != nil { return "P4: activity \(sequence) scheduled twice" }
      if fields.has("cancellationType") { awaitedToEnd.insert(sequence) }
    case Number.timerStarted:
      guard let milliseconds = fields.integer("startToFireMilliseconds") else { return "P5: timer \(sequence) without a time" }
      if timers.updateValue(Timer(event: event, dueAt: at + Int64(milliseconds) * 1000), forKey: sequence) != nil {
        return "P5: timer \(sequence) started twice"
      }
    case Number.timerCanceled:
      if !endedTimers.insert(sequence).inserted { return "P5: timer \(sequence) ended twice" }
    case Number.updateCompleted:
      guard let update = fields.text("updateId"), updates[update] == false else { return "P1: an answer that nobody waits for" }
      updates[update] = true
    case Number.cancelRequested where awaitedToEnd.contains(sequence):
      if settled.contains(sequence) || !stopping.insert(sequence).inserted { return "P4: activity \(sequence) asked to stop for nothing" }
    case Number.cancelRequested:
      if !settled.insert(sequence).inserted { return "P4: activity \(sequence) settled twice" }
    default: break
    }
    return nil
  }

  private mutating func outcome(_ type: Int, _ event: Int, _ at: Int64, _ causedBy: Int, _ fields: AttributeScanner) -> String? {
    let sequence = fields.integer("sequence") ?? 0
    switch type {
    case Number.done, Number.activityFailed, Number.timedOut, Number.activityCanceled:
      if type == Number.activityCanceled, !stopping.contains(sequence) { return "P4: activity \(sequence) stopped unasked" }
      guard let asked = scheduled[sequence], asked == causedBy else {
        return "P4: an outcome of activity \(sequence) that nobody asked for"
      }
      if !settled.insert(sequence).inserted { return "P4: activity \(sequence) settled twice" }
    case Number.timerFired:
      guard let timer = timers[sequence], timer.event == causedBy else { return "P5: timer \(sequence) fired without a start" }
      if at < timer.dueAt { return "P5: timer \(sequence) fired \(timer.dueAt - at) us early" }
      if !endedTimers.insert(sequence).inserted { return "P5: timer \(sequence) ended twice" }
    case _ where Number.externalAnswers.contains(type):
      if !answered.insert(sequence).inserted { return "P4: message \(sequence) to another run answered twice" }
    case Number.marker:
      if !markers.insert(sequence).inserted { return "P4: inline step \(sequence) recorded twice" }
    case Number.signaled:
      guard let request = fields.text("requestId") else { return nil }
      if !requests.insert(request).inserted { return "P1: request \(request) recorded twice" }
    case Number.updateAccepted:
      guard let update = fields.text("updateId") else { return nil }
      if updates.updateValue(false, forKey: update) != nil { return "P1: update \(update) accepted twice" }
    case Number.runCancelRequested: isCancelRequested = true
    case Number.started: isCancelRequested = fields.has("cancelRequestedBy")
    default: break
    }
    return nil
  }
}
