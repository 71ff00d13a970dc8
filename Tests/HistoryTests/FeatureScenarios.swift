import Orchestrator
import OrchestratorTesting

extension Scenario {
  private static func environment() async throws -> TestEnvironment {
    let busy = ApplicationFailure(type: "Busy", message: "later")
    return try await TestEnvironment(
      workflows: [
        RecordedActivities.self, RecordedTimers.self, RecordedMessages.self, RecordedParent.self, RecordedChild.self, RecordedSpeaker.self,
        RecordedGuardian.self,
      ],
      activities: [
        MockActivity(
          RecordedSteps.work,
          script: [.fails(busy), .returns(1), .fails(busy), .fails(busy), .fails(busy), .timesOut, .timesOut, .timesOut]
        ) { $0 },
        MockActivity(RecordedSteps.slow, taking: .minutes(20)) { $0 }, MockActivity(RecordedSteps.quick) { $0 },
      ])
  }

  static let features: [Scenario] = [
    .run("activities") { try await environment().start(RecordedActivities.self, 4) },
    .run("timers") { try await environment().start(RecordedTimers.self, 3) },
    .run("messages") {
      let run = try await environment().start(RecordedMessages.self, 5)
      try await run.signal(RecordedMessages.next, 10)
      try await run.signal(RecordedMessages.add, 2)
      _ = try await run.update(RecordedMessages.multiply, 3)
      _ = try? await run.update(RecordedMessages.multiply, -1)
      _ = try? await run.update(RecordedMessages.multiply, 200)
      try await run.signal(RecordedMessages.next, 90)
      return run
    },
    .run("messages-too-late") {
      let run = try await environment().start(RecordedMessages.self, 5)
      for _ in 0..<2 { try await run.signal(RecordedMessages.next, 1) }
      return run
    },
    .run("cancelled") {
      let run = try await environment().start(RecordedMessages.self, 5)
      try await run.signal(RecordedMessages.next, 1)
      try await run.cancel(reason: "enough")
      return run
    },
    .run("terminated") {
      let run = try await environment().start(RecordedMessages.self, 5)
      try await run.terminate(reason: "enough")
      return run
    },
    Scenario("open") { name in
      let run = try await environment().start(RecordedMessages.self, 5)
      try await run.signal(RecordedMessages.next, 1)
      return [(name: name, history: try await run.history())]
    },
    Scenario("children") { name in
      let family = try await environment()
      let run = try await family.start(RecordedParent.self, RecordedParent.Plan(round: 1, total: 0))
      for number in 0..<2 { try await run.signal(RecordedParent.go, number) }
      let chain = try await ended(name, run)
      let told = try await family.run(RecordedChild.self, id: "told-1").history()
      let left = try await family.run(RecordedChild.self, id: "left-1").history()
      return chain + [(name: "\(name)-told", history: told), (name: "\(name)-left", history: left)]
    },
    .run("child-terminated") {
      let family = try await environment()
      let run = try await family.start(RecordedGuardian.self, "ward")
      try await family.run(RecordedChild.self, id: "ward").terminate()
      return run
    },
    Scenario("external") { name in
      let environment = try await environment()
      for id in ["listener", "patient"] { _ = try await environment.start(RecordedChild.self, id: id, 0) }
      let speaker = try await environment.start(RecordedSpeaker.self, ["listener", "nobody"])
      let listener = try await environment.run(RecordedChild.self, id: "listener")
      return try await ended(name, speaker) + [(name: "\(name)-listener", history: try await listener.history())]
    },
  ]
}
