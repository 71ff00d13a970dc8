/// The open run of another workflow id, as workflow code speaks to it.
public struct ExternalHandle<Target: Workflow>: Sendable {
  let instance: WorkflowInstance
  public let workflowID: String

  /// Sends a signal; it counts once and stands in the other run's history when this returns.
  /// - Throws: `OrchestratorError` with code `workflow-not-found` when no run of the workflow id is open, `CancellationError`.
  nonisolated(nonsending) public func signal<Input>(_ signal: Signal<Target, Input>, _ input: Input) async throws {
    let value = try PayloadCodec.encode(input)
    try await send("signal(\(signal.name))", signal.name, HeadedValue.wrapped(value, instance.headers(.signal, signal.name)))
  }

  /// Asks the run to cancel; the request stands in its history when this returns.
  /// - Throws: as `signal`.
  nonisolated(nonsending) public func cancel() async throws {
    try await send("cancel", nil, .null)
  }

  nonisolated(nonsending) private func send(_ operation: String, _ signal: String?, _ input: Payload) async throws {
    try await instance.checkEntry("\(operation) of workflow '\(workflowID)'")
    let sequence = instance.nextSequence()
    try await instance.perform(
      .external, name: workflowID, sequence: sequence, decode: { _ in },
      command: {
        if let signal {
          instance.give(.signalExternal(sequence: sequence, workflowID: workflowID, name: signal, input: input))
        } else {
          instance.give(.requestCancelExternal(sequence: sequence, workflowID: workflowID))
        }
      })
  }
}

extension Context {
  /// The open run of another workflow id in this run's namespace, whoever started it.
  public func external<Target: Workflow>(_ target: Target.Type, id: String) -> ExternalHandle<Target> {
    ExternalHandle(instance: instance, workflowID: id)
  }
}
