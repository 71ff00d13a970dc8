import Foundation
import OrchestratorTesting
import Testing

@testable import Orchestrator
@testable import Workflows

@Suite struct ProcessAssetTests {
  private static let asset = AssetID(UUID(uuid: (1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16)))
  private static let job = JobID(UUID(uuid: (2, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16)))
  private static let file = AssetFile(
    kind: "source", key: "raw-track/a.mp3", mediaType: "audio/mpeg", sizeBytes: 9, durationMilliseconds: 5)
  private static let work = JobWork(
    jobID: job, assetID: asset, type: "loudness", inputVersion: 1, input: file, parameters: Payload(json: Array("{}".utf8)))
  private static let output = JobOutput(jobID: job, assetID: asset, files: [file], metadata: Payload(json: Array("{}".utf8)))

  /// A run of the job, with its steps mocked.
  private struct World {
    let begin = MockActivity(Steps.beginJob, returns: work)
    let process: MockActivity<JobWork, JobOutput>
    let publish = MockActivity(Steps.publishVersion, taking: .seconds(2), returns: 2)
    let end = MockActivity(Steps.endJob)
    let environment: TestEnvironment
    let run: TestRun<ProcessAsset>

    init(process outcomes: [MockActivity<JobWork, JobOutput>.Outcome] = []) async throws {
      process = MockActivity(Steps.processAsset, taking: .seconds(10), script: outcomes, returns: output)
      environment = try await TestEnvironment(workflows: [ProcessAsset.self], activities: [begin, process, publish, end])
      run = try await environment.start(ProcessAsset.self, id: job.workflowID, AssetJob(jobID: job, priority: 1))
    }

    func failure() async throws -> WorkflowFailure? {
      do {
        _ = try await run.result()
        return nil
      } catch let failure as WorkflowFailure {
        return failure
      }
    }
  }

  @Test func `A job reads, makes and publishes, in this order`() async throws {
    let world = try await World()
    #expect(try await world.run.result() == JobOutcome(createdVersion: 2))
    #expect(try await world.run.history().activities == ["begin-job", "process-asset", "publish-version"])
    #expect(world.publish.inputs == [Self.output] && world.end.callCount == 0)
  }

  @Test func `A file at fault ends the job in its own words, at once, and our fault in ours, after three attempts`() async throws {
    let fault = ApplicationFailure(type: FailureTypes.invalidAudio, message: "The file is damaged.", isRetryable: false)
    let invalid = try await World(process: [.fails(fault)])
    #expect(try await invalid.failure() != nil && invalid.process.callCount == 1)
    #expect(invalid.end.inputs == [JobEnd(jobID: Self.job, status: .failed, code: "invalid-audio", message: "The file is damaged.")])
    let ours = try await World(
      process: Array(repeating: .fails(ApplicationFailure(type: "SubprocessError", message: "signal 9")), count: 3))
    #expect(try await ours.failure() != nil && ours.process.callCount == 3)
    #expect(ours.end.inputs.first?.code == "processing-failed" && ours.end.inputs.first?.message?.contains("signal") == false)
  }

  @Test func `A job that is cancelled makes no version, and one that publishes already completes`() async throws {
    let early = try await World()
    try await early.environment.advance(by: .seconds(5))
    try await early.run.cancel()
    #expect(try await early.failure()?.status == .canceled)
    #expect(early.publish.callCount == 0 && early.end.inputs == [JobEnd(jobID: Self.job, status: .cancelled)])
    let late = try await World()
    try await late.environment.advance(by: .seconds(11))
    try await late.run.cancel()
    #expect(try await late.run.result() == JobOutcome(createdVersion: 2))
    #expect(late.end.callCount == 0)
  }
}
