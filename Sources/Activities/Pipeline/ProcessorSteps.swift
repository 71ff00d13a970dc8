import Foundation
import HTTP
import Orchestrator
import Workflows

// The steps of jobs that another service does.
extension PipelineActivities {
  func implementProcessorSteps(in registry: inout Registry) {
    registry.implement(Steps.callProcessor) { work, _ in try await call(for: work.type).start(work) }
    registry.implement(Steps.pollProcessor) { look, _ in
      let report = try await call(for: look.work.type).look(look)
      if let percent = report.progress { try await catalog.reportProgress(look.work.jobID, percent: min(percent, 99), attempt: 1) }
      return report
    }
    registry.implement(Steps.fetchResult) { result, context in
      try await refusingInput {
        try await StageProgress(context: context) { _, _ in }.during { progress in try await fetch(result, progress) }
      }
    }
  }

  private func call(for type: String) throws -> ProcessorCall {
    guard let call = jobTypes.call(of: type) else {
      throw ApplicationFailure(
        type: "UnknownJobType", message: "no processor for jobs of type \(type) is configured in this process; give all the same settings")
    }
    return call
  }

  private func fetch(_ result: ProcessorResult, _ progress: @escaping StageProgress.Callback) async throws -> JobOutput {
    let work = result.work
    let call = try call(for: work.type)
    return try await withScratch { scratch in
      var files: [AssetFile] = []
      for file in result.report.files ?? [] {
        let path = "\(scratch)/\(file.kind)"
        try await call.fetch(file, to: path)
        files.append(
          try await stage(
            path, as: MediaType(declared: file.mediaType), kind: file.kind, of: work.jobID, scratch: scratch, progress: progress))
      }
      let metadata = try PayloadCodec.encode(["processor": result.report.metadata ?? Payload(json: Array("{}".utf8))])
      return JobOutput(jobID: work.jobID, assetID: work.assetID, files: files, metadata: metadata)
    }
  }
}
