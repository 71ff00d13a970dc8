import Foundation
import PostgreSQL

/// Why an update has no result.
public struct UpdateFailure: Error, Sendable, Equatable, CustomStringConvertible {
  public let updateID: String
  /// Refused before anything was recorded, by its validator or because the run knows no such update.
  public let isRejected: Bool
  public let failure: Failure

  public var description: String { "update \(updateID) \(isRejected ? "was rejected" : "failed"): \(failure.type): \(failure.message)" }
}

/// An update that was sent.
public struct UpdateHandle<Output: Codable & Sendable>: Sendable {
  let client: Client
  public let key: WorkflowKey
  public let updateID: String

  /// Waits until the run has accepted the request: it is in the history, and its handler runs or has ended.
  /// - Throws: `UpdateFailure` when it was rejected; `OrchestratorError` with code `workflow-closed` when the run ended first.
  public func accepted() async throws {
    _ = try await client.answer(of: self.updateID, key) { $0 != .rejected }
  }

  /// Waits for the result.
  /// - Throws: `UpdateFailure` when it was rejected or failed; `OrchestratorError` with code `workflow-closed` when the run ended first.
  public func result() async throws -> Output {
    try PayloadCodec.decode(Output.self, from: try await client.answer(of: updateID, key) { $0 == .completed } ?? .null)
  }
}

extension WorkflowHandle {
  /// Sends an update and waits for its result.
  /// - Parameter id: the same id again is the same request, and gives the same answer.
  /// - Throws: as `startUpdate` and `UpdateHandle.result`.
  public func update<Input, Output>(
    _ update: Update<W, Input, Output>, _ input: Input, id: String = UUID().uuidString
  ) async throws -> Output {
    try await startUpdate(update, input, id: id).result()
  }

  /// Sends an update; durable when this returns.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `workflow-closed`, `invalid-argument`.
  public func startUpdate<Input, Output>(
    _ update: Update<W, Input, Output>, _ input: Input, id: String = UUID().uuidString
  ) async throws -> UpdateHandle<Output> {
    try await client.update(key, name: update.name, input: try PayloadCodec.encode(input), updateID: id)
    return UpdateHandle(client: client, key: key, updateID: id)
  }
}

extension Client {
  /// Sends an update to the open run of a workflow id; durable when this returns, applied once per update id.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `workflow-closed`, `invalid-argument`.
  public func update(_ key: WorkflowKey, name: String, input: Payload, updateID: String = UUID().uuidString) async throws {
    try Self.checkName("update name", name)
    try Self.checkName("update id", updateID)
    try Self.checkSize(input)
    try await send(.update, name, key) { headers in
      try await self.send(
        UpdateAttributes(updateID: updateID, name: name, input: input, identity: self.identity, header: headers.payload), key)
    }
  }

  private func send(_ update: UpdateAttributes, _ key: WorkflowKey) async throws {
    if try await sendDirectly(.update(update), key) { return }
    let stored = try encoded(HeadedValue.wrapped(update.input, update.header), key)
    _ = try await call(
      ClientStatements.update,
      Parameters(key.workflowID, update.name, stored.text, update.updateID, key.namespace, identity))
    wakeOwner()
  }

  /// Waits for an update's result, encoded.
  /// - Throws: as `UpdateHandle.result`.
  public func updateResult(_ key: WorkflowKey, updateID: String) async throws -> Payload {
    try await answer(of: updateID, key) { $0 == .completed } ?? .null
  }

  /// Looks until the update stands as wanted. Its owner writes the answer with the batch that an update sent from here waited for: mostly the
  /// first look finds it.
  func answer(of updateID: String, _ key: WorkflowKey, when isWanted: (UpdateStatus) -> Bool) async throws -> Payload? {
    var pause = Duration.milliseconds(2)
    while true {
      // Asked in this order: an answer that comes with the close is not missed.
      let isOpen = try await database.query(ClientStatements.isOpen, Parameters(key.workflowID, key.namespace)).bool(0, 0)
      let rows = try await database.query(ClientStatements.updateAnswer, Parameters(key.workflowID, key.namespace, updateID))
      if rows.count > 0, let status = UpdateStatus(rawValue: try rows.int16(0, 0)) {
        let stored = try rows.optional(0, 1) { Payload(json: try rows.bytes($0, $1)) }
        var outcome: Payload?
        if let stored { outcome = try decoded(try await resolved(stored, key), key, status == .completed ? .completed : .failed) }
        if isWanted(status) { return outcome }
        if status == .rejected || status == .failed {
          let failure = try PayloadCodec.decode(Failure.self, from: outcome ?? .null)
          throw UpdateFailure(updateID: updateID, isRejected: status == .rejected, failure: failure)
        }
      }
      guard isOpen else {
        throw OrchestratorError(.workflowClosed, "workflow '\(key.workflowID)' ended before it answered update '\(updateID)'")
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(50))
    }
  }
}
