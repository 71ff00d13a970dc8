/// One workflow execution, typed.
public struct WorkflowHandle<W: Workflow>: Sendable {
  let client: Client
  public let key: WorkflowKey
  /// The run that was started; nil for whatever run of the workflow id is open.
  public let runID: RunID?

  /// Sends a signal; durable when this returns, applied once per request id.
  /// - Throws: as `Client.signal`.
  public func signal<Input>(_ signal: Signal<W, Input>, _ input: Input, requestID: String? = nil) async throws {
    let payload = try PayloadCodec.encode(input)
    if let requestID {
      try await client.signal(key, name: signal.name, input: payload, requestID: requestID)
    } else {
      try await client.signal(key, name: signal.name, input: payload)
    }
  }

  /// Answers a query from the stored state.
  /// - Throws: as `Client.query`.
  public func query<Output>(_ query: Query<W, Output>) async throws -> Output {
    try PayloadCodec.decode(Output.self, from: try await client.query(key, name: query.name))
  }

  /// Asks the run to cancel.
  /// - Throws: as `Client.cancel`.
  public func cancel(reason: String = "") async throws {
    try await client.cancel(key, reason: reason)
  }

  /// Ends the run without running its code.
  /// - Throws: as `Client.terminate`.
  public func terminate(reason: String = "") async throws {
    try await client.terminate(key, reason: reason)
  }

  /// Waits for the result.
  /// - Throws: `WorkflowFailure` when the run failed, was cancelled or terminated.
  public func result() async throws -> W.Output {
    try PayloadCodec.decode(W.Output.self, from: try await client.result(of: key, runID: runID))
  }
}

extension Client {
  /// Waits for the result of a run, encoded.
  /// - Parameter runID: nil for the newest run of the workflow id.
  /// - Throws: as `WorkflowHandle.result`.
  package func result(of key: WorkflowKey, runID: RunID?) async throws -> Payload {
    let (runID, outcome) = try await outcome(of: key, runID: runID)
    guard outcome.status == .completed, let payload = outcome.outcome else {
      let failure = outcome.outcome.flatMap { try? PayloadCodec.decode(Failure.self, from: $0) }
      throw WorkflowFailure(runID: runID, status: outcome.status, failure: failure)
    }
    return payload
  }
}
