/// A child of a workflow, as the parent's code holds it.
public struct ChildHandle<Child: Workflow>: Sendable {
  let instance: WorkflowInstance
  let sequence: Int32
  public let workflowID: String

  /// Waits for the child's result; a child that continues as new goes on until the last of its chain. What cancelling the waiting task means for the
  /// child, and when this throws then, is said where the child is started.
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
    let value = HeadedValue.wrapped(try PayloadCodec.encode(input), instance.headers(.signal, signal.name))
    instance.give(.signalChild(sequence: sequence, name: signal.name, input: value))
  }

  /// Asks the child to cancel, in the commit of what the code does now; `result()` tells how it ends.
  public func cancel() {
    if instance.isEntered(by: "cancel of child '\(workflowID)'") { instance.requestCancelChild(sequence) }
  }
}

extension Context {
  /// Starts another workflow as a child of this run. Its start is durable with the commit of what the code does now.
  /// - Parameters:
  ///   - id: the child's workflow id; default this run's, a slash, the run's place in its chain (not for the first) and the child's number in it.
  ///     One that has an open run fails the child.
  ///   - parentClosePolicy: what becomes of the child when this run closes first, also by continuing as new; default `terminate`.
  ///   - cancellationType: what cancelling who waits for its result means for the child; default `tryCancel`.
  ///   - options: as for a start by a client; with the conflict policy `useExisting` an open run fails the child too.
  ///   - searchAttributes: values by which the child is found, of names that `Child.searchAttributes` declares.
  ///   - memo: a JSON object of at most 64 KiB that `describe` shows to people.
  /// - Throws: `OrchestratorError` with code `invalid-argument` for an id of more than 255 bytes, a search attribute that the child does not
  ///   declare or a memo that is none; `CancellationError`.
  nonisolated(nonsending) public func startChild<Child: Workflow>(
    _ child: Child.Type, id: String? = nil, _ input: Child.Input, parentClosePolicy: ParentClosePolicy = .terminate,
    cancellationType: ChildCancellationType = .tryCancel, options: StartOptions = .standard, searchAttributes: SearchAttributes = [:],
    memo: Payload? = nil
  ) async throws -> ChildHandle<Child> {
    try await instance.checkEntry("startChild(\(Child.name))")
    if !searchAttributes.isEmpty { try searchAttributes.check(against: Child.searchAttributes) }
    try memo?.checkIsMemo()
    let sequence = instance.nextSequence()
    let workflowID = id ?? defaultChildID(sequence)
    guard !workflowID.isEmpty, workflowID.utf8.count <= Limits.nameBytes, !workflowID.utf8.contains(0) else {
      throw OrchestratorError(.invalidArgument, "the workflow id of a child must have 1 to \(Limits.nameBytes) bytes and no NUL")
    }
    instance.startChild(
      ChildTask(
        sequence: sequence, workflowType: Child.name, workflowID: workflowID, input: try PayloadCodec.encode(input),
        parentClosePolicy: parentClosePolicy, options: options.recorded(),
        searchAttributes: searchAttributes.isEmpty ? nil : searchAttributes.payload, memo: memo,
        header: instance.headers(.child, Child.name)),
      cancellationType)
    return ChildHandle(instance: instance, sequence: sequence, workflowID: workflowID)
  }

  /// Sequences begin anew in each run of a chain, ids must not.
  private func defaultChildID(_ sequence: Int32) -> String {
    "\(info.workflowID)/" + (info.chainPosition.map { "\($0)." } ?? "") + "\(sequence)"
  }

  /// Runs another workflow as a child of this run, to its result.
  /// - Throws: as `startChild` and `ChildHandle.result`.
  nonisolated(nonsending) public func child<Child: Workflow>(
    _ child: Child.Type, id: String? = nil, _ input: Child.Input, parentClosePolicy: ParentClosePolicy = .terminate,
    cancellationType: ChildCancellationType = .tryCancel, options: StartOptions = .standard, searchAttributes: SearchAttributes = [:],
    memo: Payload? = nil
  ) async throws -> Child.Output {
    try await startChild(
      child, id: id, input, parentClosePolicy: parentClosePolicy, cancellationType: cancellationType, options: options,
      searchAttributes: searchAttributes, memo: memo
    ).result()
  }
}
