/// Values pass the codecs on their way between callers and rows.
extension Client {
  /// The value as it is to be stored.
  /// - Throws: what a codec throws.
  func encoded(_ payload: Payload, _ key: WorkflowKey) throws -> Payload {
    guard let codec else { return payload }
    return try codec.encode(payload, key)
  }

  /// The value that was stored.
  /// - Throws: `OrchestratorError` with code `undecodable-payload`, which names the key.
  func decoded(_ payload: Payload, _ key: WorkflowKey) throws -> Payload {
    guard let codec else { return payload }
    return try reading(key) { try codec.decode(payload, key) }
  }

  /// The outcome that was stored: a result, or a failure.
  /// - Throws: as for values.
  func decoded(_ outcome: Payload, _ key: WorkflowKey, _ status: CloseStatus) throws -> Payload {
    guard let codec else { return outcome }
    return try reading(key) { status == .completed ? try codec.decode(outcome, key) : try codec.decode(failure: outcome, key) }
  }

  private func reading<Result>(_ key: WorkflowKey, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch {
      throw OrchestratorError(.undecodablePayload, "a value of workflow '\(key.workflowID)' cannot be read: \(error)")
    }
  }
}
