import Foundation

/// What callers ask of an engine in memory: as `Client`, by the same functions of the store.
extension InMemoryEngine {
  private static let identity = "test"

  /// - Throws: as `Client.start`.
  package func start(
    type: String, key: WorkflowKey, input: Payload, searchAttributes: SearchAttributes = [:], options: StartOptions = .standard
  ) throws -> RunID {
    try Client.checkName("workflow type", type)
    try Client.checkName("workflow id", key.workflowID)
    try Client.checkSize(input)
    let started = StartedAttributes(
      workflowType: type, namespace: key.namespace, workflowID: key.workflowID, input: input, identity: Self.identity, build: "",
      searchAttributes: searchAttributes.isEmpty ? nil : searchAttributes.payload, options: options.recorded())
    return try take {
      if options.conflictPolicy == .useExisting, let open = model.openRuns[key]?.first { return open }
      let runID = makeRunID()
      try post("start of workflow '\(key.workflowID)'") { model.start(started, runID, in: $0) }
      return runID
    }
  }

  /// As `Client.setCurrentVersion` and `setRampingVersion`, for namespace `default`.
  package func setVersions(of workflowType: String, current: String?, ramping: String?, percent: Double) {
    var routes = take { self.routes }
    routes[workflowType, in: "default"] = VersionRoute(current: current, ramping: ramping, rampingPercent: percent)
    put(.versionRoutes(routes))
    take {}
  }

  package func replayer() async throws -> Replayer { take { Replayer(registry, routes) } }

  /// As `Client.move`.
  package func move(_ key: WorkflowKey, to versioning: RunVersioning) async throws {
    let request = MoveRequest(RecordedVersioning(versioning), reason: "", identity: Self.identity)
    try await send(.move, request.encoded(), key)
  }

  /// - Throws: as `Client.signal`.
  package func signal(_ key: WorkflowKey, name: String, input: Payload, requestID: String) async throws {
    try Client.checkName("signal name", name)
    try Client.checkSize(input)
    let signal = SignaledAttributes(name: name, input: input, identity: Self.identity, requestID: requestID)
    try await send(.signal, IncomingEvent.signaled(signal).encoded(), key)
  }

  /// - Throws: as `Client.update`.
  package func update(_ key: WorkflowKey, name: String, input: Payload, updateID: String) async throws {
    try Client.checkName("update name", name)
    try Client.checkSize(input)
    let update = UpdateAttributes(updateID: updateID, name: name, input: input, identity: Self.identity)
    try await send(.update, IncomingEvent.updateAccepted(update).encoded(), key)
  }

  /// - Throws: as `Client.cancel`.
  package func cancel(_ key: WorkflowKey, reason: String) async throws {
    try await send(.cancel, IncomingEvent.cancelRequested(reason: reason, identity: Self.identity).encoded(), key)
  }

  /// - Throws: as `Client.terminate`.
  package func terminate(_ key: WorkflowKey, reason: String) async throws {
    try await send(.terminate, IncomingEvent.terminated(reason: reason, identity: Self.identity).encoded(), key)
  }

  /// - Throws: as `Client.commandActivity`.
  package func commandActivity(_ key: WorkflowKey, sequence: Int32, _ action: ActivityAction) async throws {
    let (name, result, reason) = action.parts
    var writer = AttributesWriter()
    writer.field("sequence", Int64(sequence))
    writer.field("action", name)
    writer.field("result", result)
    writer.field("reason", reason)
    writer.field("identity", Self.identity)
    try await send(.activityCommand, writer.finish(), key)
  }

  /// When all is quiet: so the order of what is recorded does not depend on how threads happen to run.
  private func send(_ kind: InboxKind, _ attributes: [UInt8], _ key: WorkflowKey) async throws {
    try await settle()
    try take { try post("message to workflow '\(key.workflowID)'") { model.send(kind, attributes, to: key, in: $0) } }
  }

  /// One transaction of a caller, in a turn.
  private func post(_ what: String, _ call: (Int) -> StoreModel.Sending) throws {
    let transaction = model.begin()
    switch call(transaction) {
    case .accepted: model.commit(transaction)
    case .waits:
      model.rollBack(transaction)
      throw OrchestratorError(.unavailable, "the \(what) came before its run could begin")
    case .refused(let code):
      model.rollBack(transaction)
      throw OrchestratorError(code, "the \(what) was refused: \(code.name)")
    }
  }
}

// What callers read.
extension InMemoryEngine {
  /// The newest run of a workflow id, in a turn.
  private func latestRun(_ key: WorkflowKey) throws -> RunID {
    if let open = model.openRuns[key]?.first { return open }
    guard let run = model.runs.lazy.filter({ $0.value.key == key }).map(\.key).max() else {
      throw OrchestratorError(.workflowNotFound, "no workflow has the id '\(key.workflowID)'")
    }
    return run
  }

  /// The runs of a workflow id, oldest first.
  package func runs(of key: WorkflowKey) async throws -> [RunID] {
    try await settle()
    return take { model.runs.filter { $0.value.key == key }.keys.sorted() }
  }

  /// - Throws: as `Client.query`.
  package func query(_ key: WorkflowKey, name: String) async throws -> Payload {
    try await settle()
    return try take { try answer(key, name) }
  }

  /// Waits until the body is content with a query's answer; time moves meanwhile.
  package func wait(
    _ key: WorkflowKey, query name: String, until isWanted: (Payload) throws -> Bool
  ) async throws -> Payload {
    try await wait(for: "query '\(name)' of workflow '\(key.workflowID)'") {
      let answer = try answer(key, name)
      if try isWanted(answer) { return answer }
      let run = try latestRun(key)
      try checkBlocked(run)
      guard model.closes[run] == nil else {
        throw OrchestratorError(.workflowClosed, "workflow '\(key.workflowID)' ended before query '\(name)' had the wanted answer")
      }
      return nil
    }
  }

  private func answer(_ key: WorkflowKey, _ name: String) throws -> Payload {
    let run = try latestRun(key)
    try checkBlocked(run)
    guard let started = try started(run),
      let definition = registry.workflows[started.workflowType]?.answering(started.options?.versioning?.pinnedVersion)
    else {
      throw OrchestratorError(.unknownWorkflowType, "the type of workflow '\(key.workflowID)' is not known here")
    }
    guard let answer = try definition.answer(name, model.states[run]?.state) else {
      throw OrchestratorError(.queryNotFound, "workflow type '\(started.workflowType)' has no query '\(name)'")
    }
    return answer
  }

  private func started(_ run: RunID) throws -> StartedAttributes? {
    guard let first = model.history[run]?.first, case .started(let started) = try IncomingEvent(first) else { return nil }
    return started
  }

  /// Waits for the end of a run, or of the last one of its chain; time moves meanwhile.
  /// - Throws: `WorkflowFailure`; `OrchestratorError` for a run that its code cannot continue.
  package func result(_ key: WorkflowKey, _ runID: RunID) async throws -> Payload {
    var run = runID
    let close = try await wait(for: "the result of workflow '\(key.workflowID)'") { () -> CloseRow? in
      while let close = model.closes[run] {
        guard let successor = RunOutcome(status: close.status, outcome: close.outcome).successor else { return close }
        run = successor
      }
      try checkBlocked(run)
      return nil
    }
    guard close.status == .completed, let payload = close.outcome else {
      let failure = close.outcome.flatMap { try? PayloadCodec.decode(Failure.self, from: $0) }
      throw WorkflowFailure(runID: close.runID, status: close.status, failure: failure)
    }
    return payload
  }

  /// A run that its code cannot continue waits for another build; no test brings one.
  private func checkBlocked(_ run: RunID) throws {
    guard model.blocked[run] != nil, let problem = model.problems[run] else { return }
    throw OrchestratorError(problem.code, problem.message)
  }

  /// Waits for the answer of an update; time moves meanwhile.
  /// - Throws: as `UpdateHandle.result`.
  package func updateResult(_ key: WorkflowKey, updateID: String) async throws -> Payload {
    let row = try await wait(for: "update '\(updateID)' of workflow '\(key.workflowID)'") { () -> UpdateRow? in
      let row = model.updateRows.first { $0.key.updateID == updateID && model.runs[$0.key.runID]?.key == key }?.value
      if let row, row.status != .accepted { return row }
      let run = try latestRun(key)
      try checkBlocked(run)
      guard model.closes[run] == nil else {
        throw OrchestratorError(.workflowClosed, "workflow '\(key.workflowID)' ended before it answered update '\(updateID)'")
      }
      return nil
    }
    if row.status == .completed { return row.outcome ?? .null }
    let failure = try PayloadCodec.decode(Failure.self, from: row.outcome ?? .null)
    throw UpdateFailure(updateID: updateID, isRejected: row.status == .rejected, failure: failure)
  }

  /// The whole history of a run.
  /// - Throws: `OrchestratorError` with code `workflow-not-found`.
  package func export(_ runID: RunID) async throws -> HistoryExport {
    try await settle()
    return try take {
      guard let run = model.runs[runID], let started = try started(runID) else {
        throw OrchestratorError(.workflowNotFound, "no run has the id \(runID)")
      }
      let isUnapplied = model.blocked[runID]?.isLastEventUnapplied ?? false
      return HistoryExport(
        runID: runID, key: run.key, workflowType: started.workflowType, lastEventUnapplied: isUnapplied,
        events: model.history[runID, default: []].map(HistoryEntry.init))
    }
  }
}
