import Foundation
import PostgreSQL

extension Client {
  /// Signals the open run of a workflow id, or starts it with that signal: one durable message, so neither happens without the other. Applied once
  /// per request id.
  /// - Parameter options: the conflict policy is `useExisting` unless it says `terminateExisting`; a start delay does not count.
  /// - Returns: the run that gets the signal.
  /// - Throws: as `start`.
  @discardableResult
  public func signalWithStart<W: Workflow, SignalInput>(
    _ workflow: W.Type, id: String, input: W.Input, signal: Signal<W, SignalInput>, _ signalInput: SignalInput,
    requestID: String = UUID().uuidString, namespace: String = "default", runID: RunID = .generate(),
    searchAttributes: SearchAttributes = [:], memo: Payload? = nil, options: StartOptions = StartOptions(conflictPolicy: .useExisting)
  ) async throws -> WorkflowHandle<W> {
    let key = WorkflowKey(namespace: namespace, workflowID: id)
    let runID = try await start(
      type: W.name, key: key, input: try PayloadCodec.encode(input), runID: runID, searchAttributes: searchAttributes, memo: memo,
      options: options, signal: signal.name, signalInput: try PayloadCodec.encode(signalInput), requestID: requestID)
    return WorkflowHandle(client: self, key: key, runID: runID)
  }

  /// Sends an update to the open run of a workflow id, or starts it with that update; as `signalWithStart`.
  /// - Returns: the update, to wait for its answer.
  /// - Throws: as `start`.
  @discardableResult
  public func updateWithStart<W: Workflow, UpdateInput, UpdateOutput>(
    _ workflow: W.Type, id: String, input: W.Input, update: Update<W, UpdateInput, UpdateOutput>, _ updateInput: UpdateInput,
    updateID: String = UUID().uuidString, namespace: String = "default", runID: RunID = .generate(),
    searchAttributes: SearchAttributes = [:], memo: Payload? = nil, options: StartOptions = StartOptions(conflictPolicy: .useExisting)
  ) async throws -> UpdateHandle<UpdateOutput> {
    let key = WorkflowKey(namespace: namespace, workflowID: id)
    try await start(
      type: W.name, key: key, input: try PayloadCodec.encode(input), runID: runID, searchAttributes: searchAttributes, memo: memo,
      options: options, update: update.name, updateInput: try PayloadCodec.encode(updateInput), updateID: updateID)
    return UpdateHandle(client: self, key: key, updateID: updateID)
  }

  /// `signalWithStart` by names, with inputs that are encoded already.
  /// - Throws: as `start`.
  @discardableResult
  public func start(
    type: String, key: WorkflowKey, input: Payload, runID: RunID = .generate(), searchAttributes: SearchAttributes = [:],
    memo: Payload? = nil, options: StartOptions = StartOptions(conflictPolicy: .useExisting), signal: String, signalInput: Payload,
    requestID: String = UUID().uuidString
  ) async throws -> RunID {
    try Self.checkName("signal name", signal)
    try Self.checkName("request id", requestID)
    return try await start(
      type: type, key: key, input: input, runID: runID, searchAttributes: searchAttributes, memo: memo, options: options,
      message: StartMessage(isUpdate: false, name: signal, input: signalInput, requestID: requestID))
  }

  /// `updateWithStart` by names, with inputs that are encoded already.
  /// - Throws: as `start`.
  @discardableResult
  public func start(
    type: String, key: WorkflowKey, input: Payload, runID: RunID = .generate(), searchAttributes: SearchAttributes = [:],
    memo: Payload? = nil, options: StartOptions = StartOptions(conflictPolicy: .useExisting), update: String, updateInput: Payload,
    updateID: String = UUID().uuidString
  ) async throws -> RunID {
    try Self.checkName("update name", update)
    try Self.checkName("update id", updateID)
    return try await start(
      type: type, key: key, input: input, runID: runID, searchAttributes: searchAttributes, memo: memo, options: options,
      message: StartMessage(isUpdate: true, name: update, input: updateInput, requestID: updateID))
  }
}
