import Orchestrator

/// One job: reads a version of an asset and adds the next one, or says why not.
public struct ProcessAsset: Workflow {
  public static let name = "ProcessAsset"

  public init() {}

  public func run(_ workflow: Context<Self>, _ job: AssetJob) async throws -> JobOutcome {
    do {
      let work = try await workflow.execute(Steps.beginJob, job)
      let output = try await process(workflow, work, job.priority)
      // Shielded: a cancellation must not leave open whether there is a new version.
      let version = try await workflow.shielded { try await workflow.execute(Steps.publishVersion, output) }
      return JobOutcome(createdVersion: version)
    } catch {
      let end = Self.end(of: job.jobID, error)
      try await workflow.shielded { _ = try await workflow.execute(Steps.endJob, end) }
      throw error
    }
  }

  private func process(_ workflow: Context<Self>, _ work: JobWork, _ priority: Int) async throws -> JobOutput {
    var options = Steps.processAsset.options
    // A queue is put in order from its first priority on; the usual one needs no order.
    if priority != Self.usualPriority { options.priority = Priority(priority) }
    return try await workflow.execute(Steps.processAsset, work, options: options)
  }

  /// Of a job that none was named for.
  public static let usualPriority = 3

  /// What is shown of an error: the file's fault in its own words, ours without the words of machines.
  static func end(of jobID: JobID, _ error: any Error) -> JobEnd {
    switch error {
    case let error as ActivityFailure where error.failure.type == FailureTypes.invalidAudio:
      JobEnd(jobID: jobID, status: .failed, code: "invalid-audio", message: error.failure.message)
    case is CancellationError: JobEnd(jobID: jobID, status: .cancelled)
    default:
      JobEnd(
        jobID: jobID, status: .failed, code: "processing-failed",
        message: "The job could not be done because of a fault on our side. Ask for it again later.")
    }
  }
}
