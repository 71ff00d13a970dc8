import Foundation
import Orchestrator

/// One job: reads a version of an asset and adds the next one, or says why not.
public struct ProcessAsset: Workflow {
  public static let name = "ProcessAsset"

  public struct State: WorkflowState {
    /// The end that an external processor called back with.
    public var report: ProcessorReport?

    public init() {}
  }

  /// The first end counts; later ones change nothing.
  public static let report = Signal<Self, ProcessorReport>("processor-report") { state, report in
    if state.report == nil, report.isEnd { state.report = report }
  }
  public static let handlers: [Handler<Self>] = [.signal(report)]

  public init() {}

  public func run(_ workflow: Context<Self>, _ job: AssetJob) async throws -> JobOutcome {
    do {
      let work = try await workflow.execute(Steps.beginJob, job)
      let output =
        if let terms = work.processor { try await processElsewhere(workflow, work, terms) } else {
          try await process(workflow, work, job.priority)
        }
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
}

// Work that another service does.
extension ProcessAsset {
  private func processElsewhere(_ workflow: Context<Self>, _ work: JobWork, _ terms: ProcessorTerms) async throws -> JobOutput {
    let answer = try await workflow.execute(Steps.callProcessor, work)
    let report = answer.isEnd ? answer : try await end(workflow, work, terms, answer.statusUrl)
    guard report.status == .completed else {
      throw ApplicationFailure(
        type: FailureTypes.processorFailed, message: report.error ?? "The processor could not do it.", isRetryable: false)
    }
    return try await workflow.execute(Steps.fetchResult, ProcessorResult(work: work, report: report))
  }

  /// Waits for the callback, and looks in between where the processor said where.
  private func end(
    _ workflow: Context<Self>, _ work: JobWork, _ terms: ProcessorTerms, _ statusUrl: String?
  ) async throws -> ProcessorReport {
    let deadline = workflow.now.addingTimeInterval(Double(terms.timeoutMilliseconds) / 1000)
    while true {
      let left = Duration.milliseconds(Int64(deadline.timeIntervalSince(workflow.now) * 1000))
      guard left > .zero else {
        throw ApplicationFailure(
          type: FailureTypes.processorTimedOut, message: "The processor did not answer in time. Ask for the job again.", isRetryable: false)
      }
      let pause = statusUrl == nil ? left : min(left, .milliseconds(terms.pollMilliseconds))
      if try await workflow.wait(upTo: pause, until: { $0.report != nil }), let report = workflow.state.report { return report }
      if let statusUrl {
        let report = try await workflow.execute(Steps.pollProcessor, ProcessorLook(work: work, statusUrl: statusUrl))
        if report.isEnd { return report }
      }
    }
  }
}

extension ProcessAsset {
  /// What is shown of an error: the file's fault in its own words, ours without the words of machines.
  static func end(of jobID: JobID, _ error: any Error) -> JobEnd {
    func failed(_ code: String, _ message: String) -> JobEnd { JobEnd(jobID: jobID, status: .failed, code: code, message: message) }
    let (type, message) =
      switch error {
      case let error as ActivityFailure: (error.failure.type, error.failure.message)
      case let error as ApplicationFailure: (error.type, error.message)
      default: ("", "")
      }
    switch type {
    case FailureTypes.invalidAudio: return failed("invalid-audio", message)
    case FailureTypes.processorFailed: return failed("processor-failed", message)
    case FailureTypes.processorTimedOut: return failed("processor-timed-out", message)
    default:
      if error is CancellationError { return JobEnd(jobID: jobID, status: .cancelled) }
      return failed("processing-failed", "The job could not be done because of a fault on our side. Ask for it again later.")
    }
  }
}
