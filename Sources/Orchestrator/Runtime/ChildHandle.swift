/// A child of a workflow, as the parent's code holds it.
public struct ChildHandle<Child: Workflow>: Sendable {
  let instance: WorkflowInstance
  let sequence: Int32
  public let workflowID: String

  /// Waits for the child's result; a child that continues as new goes on until the last of its chain. When the waiting task is cancelled, the
  /// child is asked to cancel and this throws at once.
  /// - Throws: `ChildWorkflowFailure`, `CancellationError`.
  nonisolated(nonsending) public func result() async throws -> Child.Output {
    try await instance.checkEntry("result of child '\(workflowID)'")
    return try await instance.outcome(ofChild: sequence, as: Child.Output.self)
  }

  /// Sends the child a signal, in the commit of what the code does now; it counts once.
  /// - Throws: `OrchestratorError` with code `workflow-closed` when this run knows that the child ended, `CancellationError`. A child that
  ///   ends before the signal reaches it does not get it.
  nonisolated(nonsending) public func signal<Input>(_ signal: Signal<Child, Input>, _ input: Input) async throws {
    try await instance.checkEntry("signal(\(signal.name)) to child '\(workflowID)'")
    guard instance.children[sequence]?.outcome == nil else {
      throw OrchestratorError(.workflowClosed, "child '\(workflowID)' has ended")
    }
    instance.give(.signalChild(sequence: sequence, name: signal.name, input: try PayloadCodec.encode(input)))
  }

  /// Asks the child to cancel, in the commit of what the code does now; `result()` tells how it ends.
  public func cancel() {
    if instance.isEntered(by: "cancel of child '\(workflowID)'") { instance.requestCancelChild(sequence) }
  }
}

extension Context {
  /// Starts another workflow as a child of this run. Its start is durable with the commit of what the code does now.
  /// - Parameters:
  ///   - id: the child's workflow id; default this run's, a slash and the child's number in it. One that has an open run fails the child.
  ///   - parentClosePolicy: what becomes of the child when this run closes first, also by continuing as new; default `terminate`.
  /// - Throws: `OrchestratorError` with code `invalid-argument` for an id of more than 255 bytes, `CancellationError`.
  nonisolated(nonsending) public func startChild<Child: Workflow>(
    _ child: Child.Type, id: String? = nil, _ input: Child.Input, parentClosePolicy: ParentClosePolicy = .terminate
  ) async throws -> ChildHandle<Child> {
    try await instance.checkEntry("startChild(\(Child.name))")
    let sequence = instance.nextSequence()
    let workflowID = id ?? "\(info.workflowID)/\(sequence)"
    guard !workflowID.isEmpty, workflowID.utf8.count <= Limits.nameBytes, !workflowID.utf8.contains(0) else {
      throw OrchestratorError(.invalidArgument, "the workflow id of a child must have 1 to \(Limits.nameBytes) bytes and no NUL")
    }
    instance.startChild(
      ChildTask(
        sequence: sequence, workflowType: Child.name, workflowID: workflowID, input: try PayloadCodec.encode(input),
        parentClosePolicy: parentClosePolicy))
    return ChildHandle(instance: instance, sequence: sequence, workflowID: workflowID)
  }

  /// Runs another workflow as a child of this run, to its result.
  /// - Throws: as `startChild` and `ChildHandle.result`.
  nonisolated(nonsending) public func child<Child: Workflow>(
    _ child: Child.Type, id: String? = nil, _ input: Child.Input, parentClosePolicy: ParentClosePolicy = .terminate
  ) async throws -> Child.Output {
    try await startChild(child, id: id, input, parentClosePolicy: parentClosePolicy).result()
  }
}
