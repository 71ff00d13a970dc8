import Foundation
import Orchestrator
import PostgreSQL
import TestSupport
import Testing

@testable import HTTP
@testable import orchestratord

/// Waits for a signal, then ends with what it said.
struct Waiting: Workflow {
  struct State: WorkflowState {
    var note = "none"
  }
  static let tell = Signal<Self, String>("tell") { state, text in state.note = text }
  static let note = Query<Self, String>("note") { $0.note }
  static let handlers: [Handler<Self>] = [.signal(tell), .query(note)]

  func run(_ workflow: Context<Self>, _ input: String) async throws -> String {
    try await workflow.wait { $0.note != "none" }
    return "\(input) \(workflow.state.note)"
  }
}

/// One step that runs out of attempts and parks.
struct Stuck: Workflow {
  static let step = Activity<Int, Int>(
    "stuck-step", ActivityOptions(retryPolicy: RetryPolicy(initialInterval: .milliseconds(5), maximumAttempts: 2), onExhausted: .park))

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int { try await workflow.execute(Self.step, input) }
}

/// A step for a queue that nobody serves here.
struct Remote: Workflow {
  static let step = Activity<Int, Int>("remote-step", ActivityOptions(taskQueue: "elsewhere"))

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int { try await workflow.execute(Self.step, input) }
}

/// A workflow that a later build writes otherwise: `Changed` registers under its name.
struct Original: Workflow {
  static let name = "Versioned"
  static let first = Activity<Int, Int>("first")

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int {
    let value = try await workflow.execute(Self.first, input)
    try await workflow.sleep(.seconds(3600))
    return value
  }
}

struct Changed: Workflow {
  static let name = "Versioned"
  static let second = Activity<Int, Int>("second")

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int { try await workflow.execute(Self.second, input) }
}

/// An engine with synthetic workflows, the operators' routes, and their command line, on one database.
final class OperatorFixture: Sendable {
  let configuration: ConnectionConfiguration
  let database: Database
  let engine: Engine
  let router: Router

  /// Runs the body with an engine that is shut down afterwards.
  static func run<Value>(
    _ registry: Registry = registry, on configuration: ConnectionConfiguration? = nil, _ body: (OperatorFixture) async throws -> Value
  ) async throws -> Value {
    let fixture = try await OperatorFixture(registry, try configuration ?? migratedDatabase())
    do {
      let value = try await body(fixture)
      await fixture.engine.shutdown()
      return value
    } catch {
      await fixture.engine.shutdown()
      throw error
    }
  }

  static func migratedDatabase() throws -> ConnectionConfiguration {
    let configuration = try TestCluster.createDatabase()
    try Schema.migrate(configuration)
    return configuration
  }

  private init(_ registry: Registry, _ configuration: ConnectionConfiguration) async throws {
    self.configuration = configuration
    database = try Database(configuration, maximumConnections: 2)
    var settings = EngineConfiguration(database: configuration, build: "test")
    settings.localTaskQueues = ["default": 8]
    settings.drainTime = .milliseconds(200)
    engine = try Engine(settings, registry)
    var router = Router()
    OperatorAPI(client: engine.client, authentication: try Authentication(tokens: Self.tokens)).addRoutes(to: &router)
    self.router = router
    engine.start()
    try await engine.waitUntilReady()
  }

  static let tokens = "operator-token-01:olga:operator, admin-token-00001:ada:admin, artist-token-0001:anna:artist"

  static var registry: Registry {
    var registry = Registry()
    registry.register(Waiting.self)
    registry.register(Stuck.self)
    registry.register(Remote.self)
    registry.register(Original.self)
    registry.implement(Stuck.step) { value, context in
      guard context.info.attempt > 2 else { throw ApplicationFailure(type: "NotYet", message: "attempt \(context.info.attempt)") }
      return value + Int(context.info.attempt)
    }
    registry.implement(Remote.step) { value, _ in value }
    registry.implement(Original.first) { value, _ in value }
    return registry
  }

  static var changedRegistry: Registry {
    var registry = Registry()
    registry.register(Changed.self)
    registry.implement(Changed.second) { value, _ in value }
    return registry
  }

  func send(
    _ method: HTTPMethod, _ target: String, _ json: String? = nil, as token: String? = "operator-token-01", headers: HTTPHeaders = [:]
  ) async throws -> Answer {
    var headers = headers
    if let token { headers["Authorization"] = "Bearer \(token)" }
    let body = RequestBody(Array((json ?? "").utf8))
    return Answer(
      await router.respond(to: try HTTPRequest(method: method, target: target, headers: headers, remoteAddress: "192.0.2.1", body: body)))
  }

  /// The answer when it fulfils the condition; one that does not in 20 s fails the test.
  func answer(_ target: String, when condition: ([String: Any]) -> Bool) async throws -> [String: Any] {
    let deadline = ContinuousClock.now + .seconds(20)
    while true {
      let answer = try await send(.get, target)
      if answer.status == 200, condition(answer.json) { return answer.json }
      try #require(ContinuousClock.now < deadline, "\(target) stayed at \(answer.status) \(answer.json)")
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  func status(of id: String, becomes status: String) async throws -> [String: Any] {
    try await answer("/api/v1/workflows/\(id)") { $0["status"] as? String == status }
  }

  /// A run whose only activity is parked.
  func park(_ id: String) async throws {
    _ = try await engine.client.start(Stuck.self, id: id, input: 40)
    _ = try await answer("/api/v1/activities?state=parked") { document in
      (document["items"] as? [[String: Any]] ?? []).contains { $0["workflowId"] as? String == id }
    }
  }
}
