import PostgreSQL

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

  /// The values that these events of a workflow id's runs refer to.
  func largeValues(in attributes: some Sequence<[UInt8]>, _ key: WorkflowKey) async throws -> LargeValues {
    var values = LargeValues()
    let hashes = LargeValues.hashes(in: attributes)
    guard !hashes.isEmpty else { return values }
    let column = ArrayColumn(.bytea)
    for hash in hashes { column.append(hash) }
    var parameters = Parameters()
    parameters.append(column)
    parameters.append(key.workflowID)
    parameters.append(key.namespace)
    let rows = try await database.query(ClientStatements.largeValues, parameters)
    for row in 0..<rows.count { values.bytes[try rows.bytes(row, 0)] = try rows.bytes(row, 1) }
    return values
  }

  /// A value that may lie beside the history.
  func resolved(_ payload: Payload, _ key: WorkflowKey) async throws -> Payload {
    guard LargeValueReference(payload) != nil else { return payload }
    let holder = Array(#"{"input":"#.utf8) + payload.bytes + Array("}".utf8)
    return try await largeValues(in: [holder], key).resolve(payload)
  }

  private func reading<Result>(_ key: WorkflowKey, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch {
      throw OrchestratorError(.undecodablePayload, "a value of workflow '\(key.workflowID)' cannot be read: \(error)")
    }
  }
}
