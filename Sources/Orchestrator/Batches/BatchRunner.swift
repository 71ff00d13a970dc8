import Synchronization

/// Does the work of batches, a page of runs at a time. What it has done stands in the database only, in the same transactions as the messages to the
/// runs: an attempt that follows a killed one goes on where that one had come.
final class BatchRunner: Sendable {
  private let client: Client
  private let isStopping = Atomic<Bool>(false)

  init(_ client: Client) {
    self.client = client
  }

  /// Parts under way end with what they have done; another process goes on.
  func stop() {
    isStopping.store(true, ordering: .relaxed)
  }

  /// One attempt of the activity.
  func run(_ part: BatchWorkflow.Part, _ context: ActivityContext) async throws -> BatchProgress {
    let work = BatchWork(
      client: client.acting(as: part.request.identity), request: part.request, namespace: context.info.namespace,
      workflowID: context.info.workflowID, ownRunID: context.info.runID)
    guard part.seconds > 0 else { return try await work.abandon() }
    let deadline = ContinuousClock.now + .seconds(part.seconds)
    let filter = try await checked { try await self.client.filter(of: part.request.action, part.request.query, work.namespace) }
    var isOver = false
    while true {
      let standing = try await checked { try await work.standing(filter) }
      try context.heartbeat(standing.progress)
      guard !standing.isClosed else { throw CancellationError() }
      if standing.progress.isFinished || isOver { return standing.progress }
      if standing.wait > .zero {
        let left = max(.zero, deadline - ContinuousClock.now)
        try await Task.sleep(for: min(standing.wait, left, .seconds(1)))
      } else {
        try await checked { try await work.takePage(behind: standing, filter) }
      }
      isOver = ContinuousClock.now >= deadline || isStopping.load(ordering: .relaxed)
    }
  }

  /// What was asked for wrongly does not get better by another attempt.
  private func checked<Result>(_ body: () async throws -> Result) async throws -> Result {
    do {
      return try await body()
    } catch let error as OrchestratorError where error.code == .invalidArgument {
      throw ApplicationFailure(type: error.code.name, message: error.message, isRetryable: false)
    }
  }
}
