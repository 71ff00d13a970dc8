import Foundation
import HTTP
import Orchestrator
import Synchronization
import Testing

@testable import orchestratord

/// A workflow whose steps are written in Python.
private struct Lab: Workflow {
  struct Song: Codable, Sendable {
    var name: String
    var lines: Int
  }

  struct Text: Codable, Sendable, Equatable {
    var text: String
    var attempt: Int
  }

  private static let options = ActivityOptions(
    taskQueue: "python", retryPolicy: RetryPolicy(initialInterval: .milliseconds(10), maximumAttempts: 5))
  static let transcribe = Activity<Song, Text>("transcribe", options)
  static let add = Activity<[String: Int], Int>("add", options)
  static let resume = Activity<Int, String>("resume", options)
  static let refuse = Activity<String, Int?>("refuse", options)
  static let unknown = Activity<Int, Int>("unknown", options)

  func run(_ workflow: Context<Self>, _ name: String) async throws -> [String] {
    async let text = workflow.execute(Self.transcribe, Song(name: name, lines: 3))
    async let sum = workflow.execute(Self.add, ["left": 40, "right": 2])
    var outcomes = ["\(try await text.text) at attempt \(try await text.attempt)", "\(try await sum)"]
    outcomes.append(try await workflow.execute(Self.resume, 3))
    do {
      _ = try await workflow.execute(Self.refuse, "not this one")
    } catch let error as ActivityFailure {
      outcomes.append("\(error.failure.type): \(error.failure.message)")
    }
    return outcomes
  }
}

/// The client for Python against the service, over a socket: what its README shows, run.
@Suite struct PythonWorkerTests {
  private static let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private static func worker(_ url: String) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = ["-B", top.appending(path: "Clients/python/tests/example_worker.py").path]
    process.environment = [
      "PYTHONPATH": top.appending(path: "Clients/python").path, "ORCHESTRATOR_URL": url, "ORCHESTRATOR_TOKEN": "worker-token-0001",
    ]
    try process.run()
    return process
  }

  private static func withServer(_ body: (OperatorFixture, String) async throws -> Void) async throws {
    var registry = OperatorFixture.registry
    registry.register(Lab.self)
    try await OperatorFixture.run(registry) { service in
      var router = Router()
      TaskAPI(tasks: RemoteTasks(service.engine.client), authentication: try Authentication(tokens: "worker-token-0001:lab:worker"))
        .addRoutes(to: &router)
      let server = try HTTPServer(router: router)
      try await body(service, "http://127.0.0.1:\(server.port)")
      await server.drain(within: .seconds(5))
    }
  }

  @Test func `Steps written in Python run, fail, are tried again and refuse, and the worker ends in good order`() async throws {
    try await Self.withServer { service, url in
      let worker = try Self.worker(url)
      defer { worker.terminate() }
      let run = try await service.engine.client.start(Lab.self, id: "lab", input: "blue")
      #expect(try await run.result() == ["BLUE at attempt 1", "42", "3 lines in 4 attempts", "Refused: not this one"])
      worker.terminate()
      await withCheckedContinuation { continuation in
        Thread.detachNewThread {
          worker.waitUntilExit()
          continuation.resume()
        }
      }
      #expect(worker.terminationStatus == 0 && worker.terminationReason == .exit)
    }
  }

  @Test func `A worker that is killed loses its lease, and another one does the step`() async throws {
    try await Self.withServer { service, url in
      let job = try await service.engine.client.start(Lab.add, id: "sum", input: ["left": 1, "right": 1])
      // Somebody takes the task and is never heard of again.
      let tasks = RemoteTasks(service.engine.client)
      let leased = try await tasks.poll("python", worker: "killed", maximum: 1, lease: .seconds(1), wait: .seconds(20))
      #expect(leased.count == 1)
      let worker = try Self.worker(url)
      defer { worker.terminate() }
      #expect(try await job.result() == 2)
    }
  }
}
