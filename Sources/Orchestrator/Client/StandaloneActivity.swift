/// An activity without a workflow of one's own: a durable job with the same retries, queues, heartbeats and operators as any step.
struct StandaloneActivity: Workflow {
  static let name = "StandaloneActivity"

  struct Input: Codable, Sendable {
    let activityType: String
    let options: ActivityOptions
    let input: Payload
  }

  func run(_ workflow: Context<Self>, _ job: Input) async throws -> Payload {
    try await workflow.execute(Activity<Payload, Payload>(job.activityType, job.options), job.input)
  }
}

/// One standalone activity, typed.
public struct ActivityHandle<Output: Codable & Sendable>: Sendable {
  private let run: WorkflowHandle<StandaloneActivity>

  init(_ run: WorkflowHandle<StandaloneActivity>) {
    self.run = run
  }

  /// Where it stands among workflows: it is listed, shown and repaired like a run with one step.
  public var key: WorkflowKey { run.key }
  public var runID: RunID? { run.runID }

  /// Waits for the result.
  /// - Throws: `WorkflowFailure`, whose failure has the activity's as its cause; `PayloadError` for a result of another type.
  public func result() async throws -> Output { try PayloadCodec.decode(Output.self, from: try await run.result()) }

  /// Asks the activity to stop: its implementation sees a cancelled task.
  /// - Throws: as `Client.cancel`.
  public func cancel(reason: String = "") async throws { try await run.cancel(reason: reason) }

  /// Ends it without asking.
  /// - Throws: as `Client.terminate`.
  public func terminate(reason: String = "") async throws { try await run.terminate(reason: reason) }
}

extension Client {
  /// Starts an activity by itself; durable when this returns. It runs at least once, its result is recorded exactly once. Ids are those of workflows:
  /// one that is open already refuses a second.
  /// - Parameter options: nil for the activity's own.
  /// - Throws: as `start` of a workflow.
  @discardableResult
  public func start<Input, Output>(
    _ activity: Activity<Input, Output>, id: String, input: Input, options: ActivityOptions? = nil, namespace: String = "default",
    runID: RunID = .generate()
  ) async throws -> ActivityHandle<Output> {
    let job = StandaloneActivity.Input(
      activityType: activity.name, options: options ?? activity.options, input: try PayloadCodec.encode(input))
    return ActivityHandle(try await start(StandaloneActivity.self, id: id, input: job, namespace: namespace, runID: runID))
  }

  /// The newest run of an activity that was started by itself.
  public func handle<Input, Output>(
    _ activity: Activity<Input, Output>, id: String, namespace: String = "default"
  ) -> ActivityHandle<Output> {
    ActivityHandle(handle(StandaloneActivity.self, id: id, namespace: namespace))
  }
}
