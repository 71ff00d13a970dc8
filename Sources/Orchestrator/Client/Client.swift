import Foundation
import PostgreSQL
import Synchronization

/// Starts workflows and talks to them. Messages go straight to the owner when it lives in this process, else through the inbox; either way
/// they are durable when the call returns.
public final class Client: Sendable {
  let database: Database
  let registry: Registry
  private let results: ResultBoard
  let identity: String
  private let ownership: OwnershipLoop?
  private let wakeUp: WakeUp
  let attributeCatalog: SearchAttributeCatalog
  /// What values pass on their way into the database and back; nil when they lie there as they are.
  public let codec: CodecChain?

  init(
    _ database: Database, _ registry: Registry, _ results: ResultBoard, identity: String, ownership: OwnershipLoop?, codec: CodecChain?,
    _ attributeCatalog: SearchAttributeCatalog = SearchAttributeCatalog()
  ) {
    self.attributeCatalog = attributeCatalog
    self.codec = codec
    self.database = database
    self.registry = registry
    self.results = results
    self.identity = identity
    self.ownership = ownership
    wakeUp = WakeUp(database)
  }

  /// A client of a process that owns no slots.
  /// - Parameter codec: that of the engines of this database; nil, the default, for values as they are.
  public convenience init(_ database: Database, _ registry: Registry = Registry(), identity: String, codec: CodecChain? = nil) {
    self.init(database, registry, ResultBoard(), identity: identity, ownership: nil, codec: codec)
  }

  /// The same client under another name: histories record who acted.
  public func acting(as identity: String) -> Client {
    Client(database, registry, results, identity: identity, ownership: ownership, codec: codec, attributeCatalog)
  }

  /// Starts a workflow; durable when this returns. The same run id again is the same start.
  /// - Parameters:
  ///   - searchAttributes: values by which the run is found, of names that were added with their types before.
  ///   - memo: a JSON object of at most 64 KiB that `describe` shows to people.
  ///   - options: when it begins, how long it may take, whether it is tried again, and what other runs of its id mean for it.
  /// - Returns: its handle; of the open run where the conflict policy is `useExisting` and there is one.
  /// - Throws: `OrchestratorError`: `workflow-already-started` when the policies do not allow it, `invalid-argument`, `unavailable`.
  @discardableResult
  public func start<W: Workflow>(
    _ workflow: W.Type, id: String, input: W.Input, namespace: String = "default", runID: RunID = .generate(),
    searchAttributes: SearchAttributes = [:], memo: Payload? = nil, options: StartOptions = .standard
  ) async throws -> WorkflowHandle<W> {
    let key = WorkflowKey(namespace: namespace, workflowID: id)
    let runID = try await start(
      type: W.name, key: key, input: try PayloadCodec.encode(input), runID: runID, searchAttributes: searchAttributes, memo: memo,
      options: options)
    return WorkflowHandle(client: self, key: key, runID: runID)
  }

  /// Starts a workflow by name, with input that is encoded already.
  /// - Throws: as the typed `start`.
  @discardableResult
  public func start(
    type: String, key: WorkflowKey, input: Payload, runID: RunID = .generate(), searchAttributes: SearchAttributes = [:],
    memo: Payload? = nil, options: StartOptions = .standard
  ) async throws -> RunID {
    try await start(
      type: type, key: key, input: input, runID: runID, searchAttributes: searchAttributes, memo: memo, options: options, message: nil)
  }

  func start(
    type: String, key: WorkflowKey, input: Payload, runID: RunID, searchAttributes: SearchAttributes, memo: Payload?,
    options: StartOptions, message: StartMessage?
  ) async throws -> RunID {
    try message?.check(options)
    try Self.checkName("workflow type", type)
    try Self.checkName("workflow id", key.workflowID)
    try Self.checkName("namespace", key.namespace)
    try Self.checkSize(input)
    if !searchAttributes.isEmpty || memo != nil { try await check(searchAttributes, memo) }
    let attributes = searchAttributes.isEmpty ? nil : searchAttributes.payload
    let started = StartedAttributes(
      workflowType: type, namespace: key.namespace, workflowID: key.workflowID, input: input, identity: identity, build: "",
      searchAttributes: attributes, memo: memo, options: options.recorded(with: message))
    let acknowledged = Mutex(runID)
    try await send(.start, type, key) { headers in
      var started = started
      started.header = headers.payload
      let run = try await self.start(started, key, runID, options, message)
      acknowledged.withLock { $0 = run }
    }
    return acknowledged.withLock { $0 }
  }

  /// - Returns: the run that is open now: the new one, or another whose use the options allow.
  private func start(
    _ started: StartedAttributes, _ key: WorkflowKey, _ runID: RunID, _ options: StartOptions, _ message: StartMessage?
  ) async throws -> RunID {
    if let loop = ownership?.ownership?.loop, loop.owns(key.slot) {
      let refusal = await ask { reply in
        loop.mailbox.put(.message(OwnerMessage(runID: runID, body: .start(started), reply: reply)))
      }
      guard let refusal else { return runID }
      if options.conflictPolicy == .useExisting, let open = refusal.openRunID { return open }
      // The run that was to get the message has ended: it is a start after all.
      guard refusal.isAboutOwnership || message != nil && refusal.code == .workflowClosed else { throw refusal }
    }
    let stored = try encoded(HeadedValue.wrapped(started.input, started.header), key)
    let storedMemo = try started.memo.map { try encoded($0, key) }
    var parameters = Parameters(
      started.workflowType, key.workflowID, stored.text, runID.uuid, key.namespace, identity, started.searchAttributes?.text,
      storedMemo?.text, options.recorded()?.payload.text)
    if let message {
      let storedInput = try encoded(message.input, key)
      for text in [message.isUpdate ? "true" : "false", message.name, storedInput.text, message.requestID] { parameters.append(text) }
    }
    let rows = try await call(message == nil ? ClientStatements.start : ClientStatements.startWithMessage, parameters)
    wakeOwner()
    return RunID(try rows.uuid(0, 0))
  }

  /// The open run of a workflow id.
  public func handle<W: Workflow>(_ workflow: W.Type, id: String, namespace: String = "default") -> WorkflowHandle<W> {
    WorkflowHandle(client: self, key: WorkflowKey(namespace: namespace, workflowID: id), runID: nil)
  }

  /// After a start or signal by SQL in one's own transaction: an owner in this process looks into its inbox at once.
  public func wake() {
    ownership?.ownership?.loop.mailbox.put(.wakeInbox)
  }

  /// The owner may live in another process: it is told from a connection of its own, after the commit.
  func wakeOwner() {
    wake()
    wakeUp.send(WakeUp.inboxChannel)
  }

  /// Signals the open run of a workflow id; applied once per request id.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `workflow-closed`, `invalid-argument`.
  public func signal(_ key: WorkflowKey, name: String, input: Payload, requestID: String = UUID().uuidString) async throws {
    try Self.checkName("signal name", name)
    try Self.checkName("request id", requestID)
    try Self.checkSize(input)
    try await send(.signal, name, key) { headers in
      let attributes = SignaledAttributes(
        name: name, input: input, identity: self.identity, requestID: requestID, header: headers.payload)
      if try await self.sendDirectly(.signal(attributes), key) { return }
      let stored = try self.encoded(HeadedValue.wrapped(input, attributes.header), key)
      _ = try await self.call(
        ClientStatements.signal, Parameters(key.workflowID, name, stored.text, requestID, key.namespace, self.identity))
      self.wakeOwner()
    }
  }

  /// Past the interceptors, which may add headers; without any, at once.
  func send(
    _ kind: ClientCall.Kind, _ name: String, _ key: WorkflowKey, _ body: @escaping @Sendable (Headers) async throws -> Void
  ) async throws {
    guard !registry.clientInterceptors.isEmpty else { return try await body(Headers()) }
    let call = ClientCall(kind: kind, name: name, key: key, headers: Headers())
    try await registry.clientInterceptors.send(call) { try await body($0.headers) }
  }

  /// Asks the open run to cancel: its code sees a cancelled task.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `workflow-closed`.
  public func cancel(_ key: WorkflowKey, reason: String = "") async throws {
    if try await sendDirectly(.cancel(reason: reason, identity: identity), key) { return }
    _ = try await call(ClientStatements.cancel, Parameters(key.workflowID, reason, key.namespace, identity))
    wakeOwner()
  }

  /// Ends the open run without running its code.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `workflow-closed`.
  public func terminate(_ key: WorkflowKey, reason: String = "") async throws {
    _ = try await call(ClientStatements.terminate, Parameters(key.workflowID, reason, key.namespace, identity))
    wakeOwner()
  }

  /// Lets the open run stand still: its code sees nothing, what comes for it waits in order, also timers; activities that were asked for go on, their
  /// outcomes wait too. Pausing a paused run changes nothing.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `workflow-closed`.
  public func pause(_ key: WorkflowKey, reason: String = "") async throws {
    _ = try await call(ClientStatements.pause, Parameters(key.workflowID, reason, key.namespace, identity))
    wakeOwner()
  }

  /// Lets a paused run go on with what came meanwhile.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `workflow-closed`.
  public func unpause(_ key: WorkflowKey, reason: String = "") async throws {
    _ = try await call(ClientStatements.unpause, Parameters(key.workflowID, reason, key.namespace, identity))
    wakeOwner()
  }

  /// Removes an ended run with all that is stored of it; nothing brings it back. The workflow id may be used again as if it had not been.
  /// - Parameter runID: nil for the newest of the workflow id.
  /// - Returns: the run that was removed.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `invalid-argument` for an open run.
  @discardableResult
  public func delete(_ key: WorkflowKey, runID: RunID? = nil) async throws -> RunID {
    RunID(try await call(ClientStatements.delete, Parameters(key.workflowID, runID?.uuid, key.namespace)).uuid(0, 0))
  }

  /// Tries a blocked run again at once.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `workflow-closed`.
  public func retryBlocked(_ key: WorkflowKey) async throws {
    _ = try await call(ClientStatements.retry, Parameters(key.workflowID, key.namespace, identity))
    wakeOwner()
  }

  /// An operator's word on a pending activity.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `workflow-closed`, `activity-not-found`.
  public func commandActivity(_ key: WorkflowKey, sequence: Int32, _ action: ActivityAction) async throws {
    try await checkPending(key, sequence)
    let (name, value, reason) = action.parts
    let result = try encoded(value, key)
    _ = try await call(
      ClientStatements.commandActivity, Parameters(key.workflowID, sequence, name, result.text, reason, key.namespace, identity))
    wakeOwner()
  }

  /// Answers a query from the stored state, also of a closed run.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `query-not-found`, `unknown-workflow-type`, `undecodable-payload`.
  public func query(_ key: WorkflowKey, name: String) async throws -> Payload {
    let answer = Mutex<Payload>(.null)
    try await send(.query, name, key) { _ in
      let found = try await self.answer(to: name, of: key)
      answer.withLock { $0 = found }
    }
    return answer.withLock { $0 }
  }

  private func answer(to name: String, of key: WorkflowKey) async throws -> Payload {
    let rows = try await database.query(ClientStatements.state, Parameters(key.workflowID, key.namespace))
    guard rows.count > 0 else { throw OrchestratorError(.workflowNotFound, "no workflow has the id '\(key.workflowID)'") }
    let type = try rows.text(0, 0)
    let pinned = try rows.optional(0, 2, rows.text)
    guard let definition = registry.workflows[type]?.answering(pinned) else {
      throw OrchestratorError(.unknownWorkflowType, "this process does not know workflow type '\(type)'")
    }
    let stored = try rows.optional(0, 1) { Payload(json: try rows.bytes($0, $1)) }
    let state = try stored.map { try decoded($0, key) }
    do {
      guard let answer = try definition.answer(name, state) else {
        throw OrchestratorError(.queryNotFound, "workflow type '\(type)' has no query '\(name)'")
      }
      return answer
    } catch let error as PayloadError {
      throw OrchestratorError(.undecodablePayload, error.description)
    }
  }

  /// Waits until the run is closed; when it continues as new, until the last of its chain is.
  func outcome(of key: WorkflowKey, runID: RunID?) async throws -> (RunID, RunOutcome) {
    var resolved = try await resolve(key, runID)
    // The owner in this process tells at once of runs that end from now on; what else closed them is looked up.
    let isOwnedHere = ownership?.ownership?.loop.owns(key.slot) ?? false
    let firstLook = runID != nil && isOwnedHere ? Duration.milliseconds(50) : .zero
    while true {
      let outcome = try await results.outcome(of: resolved, firstLook: firstLook) { try await self.outcomes(of: $0) }
      guard let successor = outcome.successor else {
        guard let stored = outcome.outcome else { return (resolved, outcome) }
        let payload = try decoded(try await self.resolved(stored, key), key, outcome.status)
        return (resolved, RunOutcome(status: outcome.status, outcome: payload))
      }
      resolved = successor
    }
  }

  private func outcomes(of runs: [RunID]) async throws -> [(RunID, RunOutcome?)] {
    let column = ArrayColumn(.uuid)
    for run in runs { column.append(run.uuid) }
    var parameters = Parameters()
    parameters.append(column)
    let rows = try await database.query(ClientStatements.outcomes, parameters)
    return try (0..<rows.count).map { row in
      let status = try rows.optional(row, 1) { CloseStatus(rawValue: try rows.int16($0, $1)) } ?? nil
      let outcome = try rows.optional(row, 2) { Payload(json: try rows.bytes($0, $1)) }
      return (RunID(try rows.uuid(row, 0)), status.map { RunOutcome(status: $0, outcome: outcome) })
    }
  }

  private func resolve(_ key: WorkflowKey, _ runID: RunID?) async throws -> RunID {
    if let runID { return runID }
    let rows = try await database.query(ClientStatements.latestRun, Parameters(key.workflowID, key.namespace))
    guard rows.count > 0 else { throw OrchestratorError(.workflowNotFound, "no workflow has the id '\(key.workflowID)'") }
    return RunID(try rows.uuid(0, 0))
  }

  func sendDirectly(_ body: OwnerMessage.Body, _ key: WorkflowKey) async throws -> Bool {
    guard let loop = ownership?.ownership?.loop, loop.owns(key.slot) else { return false }
    let refusal = await ask { reply in loop.mailbox.put(.send(key, body, reply)) }
    guard let refusal else { return true }
    if refusal.isAboutOwnership || refusal.code == .workflowClosed { return false }
    throw refusal
  }

  private func ask(_ send: (@escaping Reply) -> Void) async -> OrchestratorError? {
    await withUnsafeContinuation { continuation in
      send { continuation.resume(returning: $0) }
    }
  }

  /// Calls one of the SQL functions; their own error codes become ours.
  func call(_ statement: Statement, _ parameters: Parameters) async throws -> Rows {
    do {
      return try await database.query(statement, parameters)
    } catch let error as DatabaseError {
      if let code = error.sqlState.flatMap({ ErrorCode.bySQLState[$0] }) { throw OrchestratorError(code, error.message) }
      throw error
    }
  }

  static func checkSize(_ input: Payload) throws {
    guard input.bytes.count <= Limits.payloadBytes else {
      throw OrchestratorError(.invalidArgument, PayloadError.tooLarge(bytes: input.bytes.count).description)
    }
    guard PayloadEnvelope.summary(of: input) == nil, HeadedValue(input) == nil else {
      throw OrchestratorError(
        .invalidArgument, "an object whose metadata has an encoding 'orchestrator/...' is what this engine stores: send the value itself")
    }
  }

  static func checkName(_ what: String, _ name: String) throws {
    guard !name.isEmpty, name.utf8.count <= Limits.nameBytes, !name.utf8.contains(0) else {
      throw OrchestratorError(.invalidArgument, "\(what) must have 1 to \(Limits.nameBytes) bytes and no NUL")
    }
  }
}

/// What an operator may do with a pending activity.
public enum ActivityAction: Sendable {
  /// Try it again at once, with new attempts.
  case retry
  /// Give it this result.
  case complete(Payload)
  /// Fail it: the workflow sees a failure of type `FailedByOperator`.
  case fail(reason: String)
  /// Begin it again at once as if it had not been tried: its failures do not count, its backoff is over. An attempt under way goes on, as the first.
  case reset(ActivityReset)
  /// Change its options from the next attempt on; nil for those that the code asked for. A task that waits in a queue follows at once.
  case updateOptions(ActivityOptionsChange?)

  var parts: (name: String, result: Payload, reason: String) {
    switch self {
    case .retry: ("retry", .null, "")
    case .complete(let result): ("complete", result, "")
    case .fail(let reason): ("fail", .null, reason)
    case .reset(let reset): ("reset", reset.payload, "")
    case .updateOptions(let change): ("update-options", change?.payload ?? .null, "")
    }
  }
}

extension OrchestratorError {
  fileprivate var isAboutOwnership: Bool { code == .ownershipLost || code == .unavailable }
}
