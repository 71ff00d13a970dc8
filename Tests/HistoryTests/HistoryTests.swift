import Foundation
import Orchestrator
import OrchestratorTesting
import Testing
import Workflows

@testable import ExternalJob
@testable import FanOut
@testable import FindingRuns
@testable import Greeting
@testable import HumanApproval
@testable import ParentAndChildren
@testable import Saga
@testable import SignalAndTimer
@testable import Subscription
@testable import VersionedChange

/// What earlier builds recorded, against the code at hand. `make histories` adds what this build records; no file is ever written again.
@Suite struct HistoryTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Histories")

  /// Paths below the folder, such as `2026-11-21/timers.json`.
  static let files: [String] = (FileManager.default.subpaths(atPath: folder.path) ?? []).filter { $0.hasSuffix(".json") }.sorted()

  private static func environment() async throws -> TestEnvironment {
    try await TestEnvironment(workflows: [
      RecordedActivities.self, RecordedTimers.self, RecordedMessages.self, RecordedParent.self, RecordedChild.self, RecordedSpeaker.self,
      RecordedGuardian.self,
      Greeting.self, Order.self, BookTrip.self, Bake.self, Refund.self, Subscription.self, Album.self, Encode.self, ResizeAll.self,
      Approve.self, Render.self, PublishTrack.self,
    ])
  }

  @Test("What an earlier build recorded replays with this one", arguments: files)
  func replays(_ file: String) async throws {
    try await Self.environment().replay(contentsOf: Self.folder.appending(path: file))
  }

  @Test("Every scenario has recorded histories: `make histories` adds those that are missing", arguments: Scenario.all.map(\.name))
  func isRecorded(_ name: String) {
    let isThere = Self.files.contains { file in
      let recorded = URL(filePath: file).deletingPathExtension().lastPathComponent
      return recorded == name || recorded.hasPrefix("\(name)-")
    }
    #expect(isThere, "no file of scenario '\(name)'")
  }

  @Test("The recorded histories hold every kind of event that a test environment can cause")
  func eventTypes() throws {
    var types: Set<String> = []
    for file in Self.files {
      let bytes = Array(try Data(contentsOf: Self.folder.appending(path: file)))
      types.formUnion(try HistoryExport(reading: bytes).events.map(\.type))
    }
    #expect(Self.kinds.subtracting(types) == [])
  }

  private static let kinds: Set<String> = [
    "WorkflowExecutionStarted", "WorkflowExecutionCompleted", "WorkflowExecutionFailed", "WorkflowExecutionCanceled",
    "WorkflowExecutionTerminated", "WorkflowExecutionContinuedAsNew", "WorkflowExecutionCancelRequested", "WorkflowExecutionSignaled",
    "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted", "ActivityTaskScheduled", "ActivityTaskCompleted",
    "ActivityTaskFailed", "ActivityTaskTimedOut", "ActivityTaskCancelRequested", "TimerStarted", "TimerFired", "TimerCanceled",
    "MarkerRecorded", "PatchRecorded", "UpsertWorkflowSearchAttributes", "StartChildWorkflowExecutionInitiated",
    "ChildWorkflowExecutionCompleted", "ChildWorkflowExecutionFailed", "ChildWorkflowExecutionCanceled", "ChildWorkflowExecutionTerminated",
    "SignalExternalWorkflowExecutionInitiated", "SignalExternalWorkflowExecutionFailed", "ExternalWorkflowExecutionSignaled",
    "RequestCancelExternalWorkflowExecutionInitiated", "RequestCancelExternalWorkflowExecutionFailed",
    "ExternalWorkflowExecutionCancelRequested",
  ]

  @Test("Code that fits no longer is told with the event where they part")
  func divergence() async throws {
    let file = try #require(Self.files.first { $0.hasSuffix("/track-published.json") })
    let environment = try await TestEnvironment(workflows: [HastyTrack.self])
    let divergence = #expect(throws: HistoryDiverged.self) {
      try environment.replay(contentsOf: Self.folder.appending(path: file))
    }
    #expect(divergence?.divergence.recorded?.contains("change-track-status") == true)
  }

  @Test(
    "This build's histories are recorded, where there are none of that name yet",
    .enabled(if: ProcessInfo.processInfo.environment["RECORD_HISTORIES"] != nil), arguments: Scenario.all.indices)
  func record(_ index: Int) async throws {
    let label = try #require(ProcessInfo.processInfo.environment["RECORD_HISTORIES"])
    let folder = Self.folder.appending(path: label)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, history) in try await Scenario.all[index].record() {
      let file = folder.appending(path: "\(name).json")
      guard !FileManager.default.fileExists(atPath: file.path) else { continue }
      try history.write(to: file)
    }
  }
}

/// The pipeline as it must not become: its first step is missing.
struct HastyTrack: Workflow {
  static let name = PublishTrack.name

  func run(_ workflow: Context<Self>, _ upload: TrackUpload) async throws -> TrackOutcome {
    _ = try await workflow.execute(Steps.validate, upload.source)
    return TrackOutcome(status: .published, lyrics: .completed)
  }
}
