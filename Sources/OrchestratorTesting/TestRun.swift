import Foundation
import Orchestrator

/// One run of a test.
public struct TestRun<W: Workflow>: Sendable {
  /// Where it runs.
  public let environment: TestEnvironment
  let key: WorkflowKey
  /// The run that was started; others may continue it.
  public let runID: RunID

  public var workflowID: String { key.workflowID }

  /// Sends a signal; all that follows from it without time or activities has happened when this returns.
  /// - Throws: as `WorkflowHandle.signal`.
  public func signal<Input>(_ signal: Signal<W, Input>, _ input: Input, requestID: String = UUID().uuidString) async throws {
    try await environment.place.signal(key, name: signal.name, input: try PayloadCodec.encode(input), requestID: requestID)
  }

  /// Sends an update and waits for its result; time moves meanwhile.
  /// - Throws: `UpdateFailure` when it was rejected or failed; `OrchestratorError`.
  public func update<Input, Output>(
    _ update: Update<W, Input, Output>, _ input: Input, id: String = UUID().uuidString
  ) async throws -> Output {
    try await environment.place.update(key, name: update.name, input: try PayloadCodec.encode(input), updateID: id)
    return try PayloadCodec.decode(Output.self, from: try await environment.place.updateResult(key, updateID: id))
  }

  /// Answers a query once no activity is at work.
  /// - Throws: as `WorkflowHandle.query`.
  public func query<Output>(_ query: Query<W, Output>) async throws -> Output {
    try PayloadCodec.decode(Output.self, from: try await environment.place.query(key, name: query.name))
  }

  /// Waits until a query has an answer that is wanted; time moves meanwhile.
  /// - Throws: `OrchestratorError` with code `workflow-closed` when the run ends first, `unavailable` when nothing happens any more.
  @discardableResult
  public func wait<Output>(until query: Query<W, Output>, _ isWanted: (Output) -> Bool) async throws -> Output {
    let answer = try await environment.place.wait(key, query: query.name) { isWanted(try PayloadCodec.decode(Output.self, from: $0)) }
    return try PayloadCodec.decode(Output.self, from: answer)
  }

  /// Asks the run to cancel.
  /// - Throws: as `WorkflowHandle.cancel`.
  public func cancel(reason: String = "") async throws {
    try await environment.place.cancel(key, reason: reason)
  }

  /// Ends the run without running its code.
  /// - Throws: as `WorkflowHandle.terminate`.
  public func terminate(reason: String = "") async throws {
    try await environment.place.terminate(key, reason: reason)
  }

  /// Gives the run another version of its code.
  /// - Throws: as `Client.move`.
  public func move(to versioning: RunVersioning) async throws {
    try await environment.place.move(key, to: versioning)
  }

  /// Waits for the result; time moves meanwhile. The history is then replayed: code that does not repeat it is found by every test.
  /// - Throws: `WorkflowFailure` when the run failed, was cancelled or terminated; `HistoryDiverged`; `OrchestratorError` when its code cannot
  ///   continue it, or with code `unavailable` when it waits for something that does not come.
  public func result() async throws -> W.Output {
    let outcome: Result<Payload, any Error>
    do { outcome = .success(try await environment.place.result(key, runID)) } catch { outcome = .failure(error) }
    switch outcome {
    case .success, .failure(is WorkflowFailure):
      let replayer = try await environment.place.replayer()
      for history in try await chain() {
        do {
          try environment.replay(history.export, by: replayer)
        } catch let difference as HistoryDiverged {
          guard history.version != nil else { throw difference }
          // It ended before another version became the current one.
          try environment.replay(history.export)
        }
      }
    case .failure: break
    }
    return try PayloadCodec.decode(W.Output.self, from: try outcome.get())
  }

  /// What is recorded of the run so far; of one that continued as new, of the run that was started.
  /// - Throws: `OrchestratorError` with code `workflow-not-found`.
  public func history() async throws -> RecordedHistory { try RecordedHistory(try await environment.place.export(runID)) }

  /// The histories of the run and of those that continue it.
  public func chain() async throws -> [RecordedHistory] {
    var chain = [try await history()]
    while let next = chain.last?.successor { chain.append(try RecordedHistory(try await environment.place.export(next))) }
    return chain
  }
}

// What an operator does with a step that waits for one.
extension TestRun {
  /// Tries an activity again, with new attempts.
  /// - Throws: `OrchestratorError` with code `activity-not-found` when it is not pending.
  public func retry<Input, Output>(_ activity: Activity<Input, Output>) async throws {
    try await command(activity.name, .retry)
  }

  /// Gives an activity its result by hand.
  /// - Throws: as `retry`.
  public func complete<Input, Output>(_ activity: Activity<Input, Output>, with output: Output) async throws {
    try await command(activity.name, .complete(try PayloadCodec.encode(output)))
  }

  /// Fails an activity by hand: the workflow sees a failure of type `FailedByOperator`.
  /// - Throws: as `retry`.
  public func fail<Input, Output>(_ activity: Activity<Input, Output>, reason: String) async throws {
    try await command(activity.name, .fail(reason: reason))
  }

  private func command(_ name: String, _ action: ActivityAction) async throws {
    guard let sequence = try await chain().last?.pendingActivity(name) else {
      throw OrchestratorError(.activityNotFound, "workflow '\(workflowID)' has no pending activity '\(name)'")
    }
    try await environment.place.commandActivity(key, sequence: sequence, action)
  }
}
