/// What one event made the code do: commands in order, and inline steps to run.
struct Activation {
  var commands: [Command]
  var inlineSteps: [InlineTask]
}

/// One execution in memory: the running code, what it waits for, and the commands it gives. Events in, commands out; it knows no clock, no
/// database and no thread but the one that enters it.
///
/// `TypedInstance` adds the workflow's types.
class WorkflowInstance: @unchecked Sendable {
  // Safe to share: every stored property is touched only inside `executor.enter`, by one thread at a time (each operation checks it).
  let info: WorkflowInfo
  var runID: RunID { info.runID }
  /// Who stands around the code, in order of registration.
  var interceptors: [any WorkflowInterceptor] = []
  /// Microseconds since the Unix epoch: the time of its first event.
  private(set) var startedAt: Int64 = 0
  let executor: WorkflowExecutor
  /// Microseconds since the Unix epoch: the time of the event being applied.
  private(set) var now: Int64 = 0
  private(set) var isReplaying = false
  private(set) var isFinished = false
  private(set) var isEvicting = false
  /// Who asked the run to cancel; nil when nobody did.
  private(set) var cancelRequestedBy: String?
  /// What the run is found by now; nil when that is nothing.
  var foundBy: Payload? { searchAttributes.isEmpty ? nil : SearchAttributes.document(searchAttributes) }
  var isCancelRequested: Bool { cancelRequestedBy != nil }
  /// Number of the event being applied, set before it is.
  var eventID: Int32 = 0
  /// In words only when somebody asks: it changes with every command.
  var lastCommand: String { lastGiven?.description ?? "none yet" }
  private var lastGiven: CommandFingerprint?
  var random: DeterministicRandom
  private var lastSequence: Int32 = 0
  private var lastIdentifier = 0
  // Unchecked: asked for many times a step, and each access is one operation of the standard library that calls nobody back.
  @exclusivity(unchecked) private var commands: [Command] = []
  @exclusivity(unchecked) private var inlineSteps: [InlineTask] = []
  @exclusivity(unchecked) var operations: [Int32: PendingOperation] = [:]
  var conditions: [PendingCondition] = []
  var receives: [PendingReceive] = []
  /// Signals that no code has received yet, in order of arrival.
  private(set) var unreceived: [SignaledAttributes] = []
  var children: [Int32: PendingChild] = [:]
  var delayed: DelayedStart?
  private var problem: WorkflowProblem?
  private var jobBudget = 0
  private var refusals = 0
  /// Whether its code went on for ever after cancellation or eviction and was left suspended: its memory is lost.
  private(set) var isStranded = false
  private(set) var seenRequests: Set<String> = []
  /// The latest of them, the newest last: as many as a successor is told, and some more.
  private(set) var latestRequests: [String] = []
  var updates = UpdateHandlers()
  /// Patches that the history records for the event being replayed; nil for an event that the code sees for the first time.
  var recordedPatches: Set<String>?
  /// What the code was told of each patch: it takes one way for as long as it runs.
  private var patches: [String: Bool] = [:]
  /// By name, each a JSON value.
  private var searchAttributes: [String: Payload] = [:]
  private(set) var memo: Payload?
  /// Parts of the history in which chance is that of other runs, from which it was copied.
  var seeds: ArraySlice<ResetOrigin.Seed> = []

  init(info: WorkflowInfo, onForeignJob: @escaping @Sendable () -> Void) {
    self.info = info
    random = DeterministicRandom(seed: info.runID)
    executor = WorkflowExecutor(onForeignJob: onForeignJob)
  }

  /// The run that continues this one is not bound to its version.
  var upgradesContinuation = false

  // What the typed subclass does.
  func start(_ input: Payload) throws {}
  func cancelCode() {}
  func handle(signal name: String, _ payload: Payload) throws -> Bool { false }
  func takeChangedState() throws -> Payload? { nil }
  func validate(update name: String, _ payload: Payload) throws {}
  func start(_ update: UpdateAttributes) throws {}

  var isWaitingForNothing: Bool {
    operations.isEmpty && conditions.isEmpty && receives.isEmpty && !isDelayed && !children.values.contains { !$0.waiters.isEmpty }
  }

  /// Whether an activity, inline step or timer with this sequence still waits for its outcome.
  func isPending(_ sequence: Int32) -> Bool { operations[sequence] != nil }

  /// Applies one event and runs the code until it is quiet.
  /// - Throws: `WorkflowProblem`; the instance is then of no further use and must be evicted.
  func activate(_ event: IncomingEvent, at time: Int64, replaying: Bool) throws -> Activation {
    now = max(now, time)
    isReplaying = replaying
    commands.removeAll(keepingCapacity: true)
    inlineSteps.removeAll(keepingCapacity: true)
    beginRunning()
    try executor.enter {
      try apply(event)
      runUntilQuiet()
    }
    if let problem { throw problem }
    if let escape = executor.escape { throw WorkflowProblem.escaped("\(escape), after \(lastCommand)") }
    if !isFinished && isWaitingForNothing {
      throw WorkflowProblem.escaped("it neither finished nor waits for an operation of its context after \(lastCommand)")
    }
    return Activation(commands: commands, inlineSteps: inlineSteps)
  }

  /// Ends the code without a trace: waiting operations throw, commands are dropped, memory is freed.
  /// Also what foreign threads bring later is run to its end. Idempotent.
  func evict() {
    guard !isEvicting else { return }
    isEvicting = true
    beginRunning()
    executor.enter {
      cancelCode()
      for (_, operation) in operations.sorted(by: { $0.key < $1.key }) { try? operation.resolve(.failure(CancellationError())) }
      operations.removeAll()
      for condition in conditions { condition.resume(.failure(CancellationError())) }
      conditions.removeAll()
      for receive in receives { try? receive.deliver(.failure(CancellationError())) }
      receives.removeAll()
      evictChildren()
      executor.drain(budget: &jobBudget)
    }
    executor.abandon()
  }

  private func beginRunning() {
    jobBudget = Limits.jobsPerActivation
    refusals = 0
  }

  private func apply(_ event: IncomingEvent) throws {
    if !seeds.isEmpty { reseed() }
    switch event {
    case .started(let started):
      if let reset = started.lineage?.reset { draw(from: reset) }
      if let attributes = started.searchAttributes { searchAttributes = try read(attributes) }
      memo = started.memo
      startedAt = now
      tell { $0.began($1) }
      try begin(started)
      if let continued = started.lineage?.continued { try inherit(from: continued) }
    case .signaled(let signal):
      try receive(signal)
      if signal.isWithStart { try beginDelayed() }
    case .updateAccepted(let update):
      tell { $0.received(InboundMessage(kind: .update, name: update.name, headers: Headers(update.header)), $1) }
      try accept(update)
    case .startDelayEnded: try beginDelayed()
    case .cancelRequested(_, let identity):
      cancelRequestedBy = identity
      cancelCode()
    case .terminated, .timedOut, .paused, .unpaused, .optionsUpdated: break
    case .activityCompleted(let sequence, let result, _): try resolve(sequence, .success(result))
    case .activityFailed(let sequence, let failure, _), .activityTimedOut(let sequence, let failure):
      try resolve(sequence, .failure(failure))
    case .activityCanceled(let sequence, _): try resolve(sequence, .cancelled)
    case .timerFired(let sequence): try resolve(sequence, .success(.null))
    case .markerRecorded(let sequence, _, .success(let result)): try resolve(sequence, .success(result))
    case .markerRecorded(let sequence, _, .failure(let failure)): try resolve(sequence, .failure(failure))
    case .childEnded(let outcome): try end(outcome)
    case .externalAnswered(let answer):
      guard answer.runID == nil else { return try resolve(answer.sequence, .success(.null)) }
      guard let operation = operations.removeValue(forKey: answer.sequence) else { return }
      try operation.resolve(.failure(OrchestratorError(.workflowNotFound, "no run of workflow id '\(operation.name)' is open")))
    }
  }

  private enum Outcome {
    case success(Payload)
    case failure(Failure)
    case cancelled
  }

  /// Without an operation of that sequence the code cancelled it meanwhile, and the outcome changes nothing.
  private func resolve(_ sequence: Int32, _ outcome: Outcome) throws {
    guard let operation = operations[sequence] else { return }
    try decoding("the result of '\(operation.name)' (sequence \(sequence))") {
      switch outcome {
      case .success(let payload): try operation.resolve(.success(payload))
      case .failure(let failure):
        try operation.resolve(.failure(ActivityFailure(activityType: operation.name, sequence: sequence, failure: failure)))
      case .cancelled: try operation.resolve(.failure(CancellationError()))
      }
    }
    operations[sequence] = nil
  }

  private func receive(_ signal: SignaledAttributes) throws {
    note(request: signal.requestID)
    tell { $0.received(InboundMessage(kind: .signal, name: signal.name, headers: Headers(signal.header)), $1) }
    let handled = try decoding("signal '\(signal.name)'") { try handle(signal: signal.name, signal.input) }
    if handled { return }
    guard let index = receives.firstIndex(where: { $0.signalName == signal.name }) else {
      unreceived.append(signal)
      return
    }
    try decoding("signal '\(signal.name)'") { try receives[index].deliver(.success(signal.input)) }
    let receive = receives.remove(at: index)
    if let timer = receive.timer { cancelTimer(timer) }
  }

  private func note(request: String) {
    guard !request.isEmpty, seenRequests.insert(request).inserted else { return }
    latestRequests.append(request)
    if latestRequests.count > 2 * Limits.carriedRequests { latestRequests.removeFirst(Limits.carriedRequests) }
  }

  /// What the run before left stands there before the code begins.
  private func inherit(from continued: Continuation) throws {
    for request in continued.requests { note(request: request) }
    for update in continued.updates { updates.note(update) }
    for signal in continued.signals { try receive(signal) }
    if let identity = continued.cancelRequestedBy {
      cancelRequestedBy = identity
      cancelCode()
    }
  }

  func decoding<Result>(_ what: @autoclosure () -> String, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as PayloadError {
      throw WorkflowProblem.undecodablePayload(what: what(), reason: error.description)
    }
  }

  private func runUntilQuiet() {
    drain()
    while problem == nil, let index = conditions.firstIndex(where: { $0.isFulfilled() }) {
      let condition = conditions.remove(at: index)
      if let timer = condition.timer { cancelTimer(timer) }
      condition.resume(.success(true))
      drain()
    }
  }

  private func drain() {
    if !executor.drain(budget: &jobBudget) { block(on: .blockedCode(lastCommand: lastCommand)) }
  }
}

// What the context calls.
extension WorkflowInstance {
  /// Every operation begins here: code that left the run's executor is stopped before it can do harm.
  nonisolated(nonsending) func checkEntry(_ operation: @autoclosure () -> String) async throws {
    guard executor.isCurrent else {
      let escape = WorkflowEscape(operation: operation())
      executor.reportEscape(escape.description)
      throw escape
    }
    if isEvicting || Task.isCancelled {
      await countRefusal()
      throw CancellationError()
    }
  }

  /// Code that swallows cancellation and asks again would spin for ever and take its thread along: it is left suspended instead.
  private nonisolated(nonsending) func countRefusal() async {
    refusals += 1
    guard refusals > Limits.refusalsPerActivation else { return }
    isStranded = true
    block(on: .blockedCode(lastCommand: "\(lastCommand), then \(Limits.refusalsPerActivation) calls after its cancellation"))
    await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
  }

  /// What does not throw asks first: code on a foreign thread must not touch the run's values.
  func isEntered(by operation: String) -> Bool {
    if executor.isCurrent { return true }
    executor.reportEscape(WorkflowEscape(operation: operation).description)
    return false
  }

  /// The activation ends with this problem; its commands are dropped.
  func block(on found: WorkflowProblem) {
    problem = problem ?? found
  }

  func nextSequence() -> Int32 {
    lastSequence += 1
    return lastSequence
  }

  func nextIdentifier() -> Int {
    lastIdentifier += 1
    return lastIdentifier
  }

  func add(_ operation: PendingOperation, _ sequence: Int32) {
    operations[sequence] = operation
  }

  func add(_ condition: PendingCondition) {
    conditions.append(condition)
  }

  func add(_ receive: PendingReceive) {
    receives.append(receive)
  }

  func takeUnreceived(_ name: String) -> Payload? {
    guard let index = unreceived.firstIndex(where: { $0.name == name }) else { return nil }
    return unreceived.remove(at: index).input
  }

  func give(_ command: Command) {
    guard !isEvicting, !isFinished else { return }
    guard hasRoom else { return }
    lastGiven = command.fingerprint
    commands.append(command)
  }

  func runInline(_ task: InlineTask) {
    guard !isEvicting, !isFinished, hasRoom else { return }
    lastGiven = CommandFingerprint(type: .markerRecorded, sequence: task.sequence, name: task.activityType)
    inlineSteps.append(task)
  }

  private var hasRoom: Bool {
    if commands.count + inlineSteps.count < Limits.commandsPerActivation { return true }
    block(on: .tooManyCommands(lastCommand: lastCommand))
    return false
  }

  /// Whether this run takes the new way. A run that went by the place before there was a patch keeps the old one.
  func isPatched(_ identifier: String) -> Bool {
    if let known = patches[identifier] { return known }
    let isPatched = recordedPatches?.contains(identifier) ?? true
    patches[identifier] = isPatched
    if recordedPatches == nil { give(.recordPatch(identifier: identifier)) }
    return isPatched
  }

  /// Adds these attributes to those of the run, in place of what their names had.
  func upsert(_ attributes: SearchAttributes) {
    for (name, value) in attributes.values { searchAttributes[name] = value.payload }
    give(
      .upsertSearchAttributes(
        SearchAttributesUpsert(
          sequence: nextSequence(), changes: attributes.payload, attributes: SearchAttributes.document(searchAttributes))))
  }

  private func read(_ attributes: Payload) throws -> [String: Payload] {
    try decoding("the search attributes") { try PayloadCodec.decode([String: Payload].self, from: attributes) }
  }

  func cancelTimer(_ sequence: Int32) {
    guard operations.removeValue(forKey: sequence) != nil else { return }
    give(.cancelTimer(sequence: sequence))
  }

  /// The program ended: the last command, after which none counts.
  func finish(with command: Command) {
    guard !isFinished else { return }
    if !updates.isEmpty, !isEvicting {
      updates.ending = command
      return
    }
    tell { $0.ended(command.failureOfRun, $1) }
    give(command)
    isFinished = true
  }
}
