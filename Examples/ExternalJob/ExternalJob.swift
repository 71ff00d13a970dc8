import ExampleSupport
import Orchestrator

enum Steps {
  static let submit = Activity<String, String>("submit")
  /// Asks until the job has ended. Attempts of a step leave no events, so it may take days; all attempts together have a limit.
  static let collect = Activity<String, String>(
    "collect",
    ActivityOptions(
      startToClose: .seconds(10), scheduleToClose: .seconds(86_400),
      retryPolicy: RetryPolicy(initialInterval: .seconds(5), maximumAttempts: 0)))
}

/// A job on somebody else's machines that says nothing when it is done: submitted once, asked about again and again.
struct Render: Workflow {
  func run(_ workflow: Context<Self>, _ scene: String) async throws -> String {
    let job = try await workflow.execute(Steps.submit, scene)
    return try await workflow.execute(Steps.collect, job)
  }
}

/// Stands for the other company's service: a job is ready when it has been asked about three times.
actor Farm {
  private var jobs: [String: Int] = [:]
  private(set) var questions = 0

  func submit(_ scene: String, key: String) -> String {
    jobs[key] = jobs[key] ?? 0
    return key
  }

  func isReady(_ job: String) -> Bool {
    questions += 1
    jobs[job, default: 0] += 1
    return jobs[job, default: 0] > 3
  }
}

@main struct Main {
  static func main() async throws {
    let farm = Farm()
    var registry = Registry()
    registry.register(Render.self)
    // The same key at every attempt: submitted twice, it is one job there.
    registry.implement(Steps.submit) { scene, context in await farm.submit(scene, key: context.info.idempotencyKey) }
    registry.implement(Steps.collect) { job, _ in
      guard await farm.isReady(job) else {
        // What the service says about when to come back goes before the retry policy.
        throw ApplicationFailure(type: "NotReady", message: "still rendering", nextRetryDelay: .milliseconds(20))
      }
      return "picture.png"
    }
    try await withEngine(registry) { client, _ in
      let run = try await client.start(Render.self, id: "render-1", input: "sunrise")
      print("rendered \(try await run.result()) after \(await farm.questions) questions")
      let events = try await client.history(try await client.newestRun(of: run.key)).events
      print("of which the history tells \(events.count) events: \(events.map(\.type).joined(separator: " "))")
    }
  }
}
