/// How far a batch has come.
public struct BatchProgress: Codable, Sendable, Equatable {
  /// Runs that matched when it began.
  public internal(set) var total = 0
  /// Runs whose operation was accepted.
  public internal(set) var done = 0
  /// Runs that did not match any more when their turn came, closed ones among them.
  public internal(set) var skipped = 0
  /// Runs whose operation was refused.
  public internal(set) var failed = 0
  /// No run is left.
  public internal(set) var isFinished = false
}

/// A batch as it is asked for.
struct BatchRequest: Codable, Sendable {
  /// The batch's first run, which names its rows.
  let batchID: RunID
  let action: BatchAction
  let query: String
  let reason: String
  let identity: String
  /// Operations a second.
  let rate: Double
}

/// A batch: a workflow of the engine itself, so that it is listed, cancelled and kept like any other. What it does stands in tables: how far it has
/// come moves on in the transaction of the operations, and an attempt that follows another goes on there.
struct BatchWorkflow: Workflow {
  static let name = "BatchOperation"

  struct State: WorkflowState {
    var progress = BatchProgress()
  }

  /// Part of the work, and what cleans up after a batch that was cancelled.
  struct Part: Codable, Sendable {
    let request: BatchRequest
    /// How long it goes on at most; 0 removes what is left to do.
    let seconds: Int
  }

  /// The queue of the engine's own work: every owner serves it, whatever else it serves.
  static let taskQueue = "orchestrator"
  static let concurrency = 8
  static let part = Activity<Part, BatchProgress>(
    "BatchOperation",
    ActivityOptions(
      taskQueue: taskQueue, startToClose: .seconds(900), heartbeat: .seconds(120),
      retryPolicy: RetryPolicy(initialInterval: .milliseconds(200), maximumInterval: .seconds(10), maximumAttempts: 0)))

  static let progress = Query<Self, BatchProgress>("progress") { $0.progress }
  static let handlers: [Handler<Self>] = [.query(progress)]

  /// Short parts first, so that queries see progress; a batch of days still has a short history.
  private static let firstPart = 5
  private static let longestPart = 600

  func run(_ workflow: Context<Self>, _ request: BatchRequest) async throws -> BatchProgress {
    var seconds = Self.firstPart
    do {
      while true {
        let progress = try await workflow.execute(Self.part, Part(request: request, seconds: seconds))
        workflow.state.progress = progress
        if progress.isFinished { return progress }
        seconds = min(seconds * 2, Self.longestPart)
      }
    } catch is CancellationError {
      workflow.state.progress = try await workflow.shielded {
        try await workflow.execute(Self.part, Part(request: request, seconds: 0))
      }
      throw CancellationError()
    }
  }
}
