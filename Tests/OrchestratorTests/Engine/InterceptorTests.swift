import Synchronization
import TestSupport
import Testing

@testable import Orchestrator

private struct Report: Workflow {
  static let remind = Signal<Self, String>("remind")
  static let rate = Update<Self, Int, Int>("rate") { _, stars in stars }
  static let handlers: [Handler<Self>] = [.signal(remind), .update(rate)]

  func run(_ workflow: Context<Self>, _ isChild: Bool) async throws -> String {
    if isChild { return try await workflow.execute(ReportSteps.traced, "child") }
    let child = try await workflow.child(Report.self, id: "report-child", true)
    let remote = try await workflow.execute(ReportSteps.remote, "remote")
    let reminder = try await workflow.receive(Self.remind)
    _ = try await workflow.inline(ReportSteps.traced, "inline")
    return "\(child), \(remote), \(reminder), \(workflow.info.headers.text("tenant") ?? "nobody")"
  }
}

private enum ReportSteps {
  static let traced = Activity<String, String>("traced")
  static let remote = Activity<String, String>("remote", ActivityOptions(taskQueue: "elsewhere"))
}

/// Says for whom a request is, and notes what code does.
private final class Tenancy: ClientInterceptor, WorkflowInterceptor, ActivityInterceptor {
  let notes = Mutex<[String]>([])

  func send(_ call: ClientCall, next: @Sendable (ClientCall) async throws -> Void) async throws {
    guard call.name != "forbidden" else { throw OrchestratorError(.invalidArgument, "not for you") }
    var call = call
    call.headers.setText("tenant", "acme")
    try await next(call)
  }

  func began(_ run: InterceptedRun) { note(run, "began \(run.info.workflowID)") }
  func received(_ message: InboundMessage, _ run: InterceptedRun) {
    note(run, "\(message.kind) \(message.name) for \(message.headers.text("tenant") ?? "nobody")")
  }
  func asked(_ call: inout OutboundCall, _ run: InterceptedRun) { call.headers.setText("tenant", run.info.headers.text("tenant")) }
  func ended(_ failure: Failure?, _ run: InterceptedRun) { note(run, "ended \(run.info.workflowID)") }

  func execute(_ context: ActivityContext, next: @Sendable () async throws -> Payload) async throws -> Payload {
    notes.withLock { $0.append("\(context.info.activityType) for \(context.info.headers.text("tenant") ?? "nobody")") }
    return try await next()
  }

  private func note(_ run: InterceptedRun, _ text: String) {
    if !run.isReplaying { notes.withLock { $0.append(text) } }
  }
}

@Suite struct InterceptorTests {
  private static func registry(_ adjust: (inout Registry) -> Void) -> Registry {
    var registry = Registry()
    registry.register(Report.self)
    registry.implement(ReportSteps.traced) { text, _ in "\(text): \(TraceContext.current?.traceID ?? "untraced")" }
    registry.implement(ReportSteps.remote) { text, _ in "\(text): \(TraceContext.current?.traceID ?? "untraced")" }
    adjust(&registry)
    return registry
  }

  private static func traced(_ recorder: SpanRecorder) -> Registry {
    let tracing = Tracing(recorder)
    var registry = registry { _ in }
    registry.intercept(clients: tracing)
    registry.intercept(workflows: tracing)
    registry.intercept(activities: tracing)
    return registry
  }

  /// Runs the body beside a worker for the other queue.
  private static func withWorker<Result>(_ fixture: EngineFixture, _ registry: Registry, _ body: () async throws -> Result) async throws
    -> Result
  {
    let worker = try ActivityWorker(ActivityWorkerConfiguration(database: fixture.database, taskQueues: ["elsewhere": 4]), registry)
    let running = Task { await worker.run() }
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    worker.stop()
    await running.value
    return try result.get()
  }

  @Test func `A trace goes from a request through runs, a child and a worker down to their activities, and a replay makes no span`()
    async throws
  {
    let fixture = try EngineFixture()
    let recorder = SpanRecorder()
    let registry = Self.traced(recorder)
    let parent = try #require(TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "shop=1"))
    let trace = parent.traceID
    try await Self.withWorker(fixture, registry) {
      let run = try await fixture.withEngine(registry) { engine in
        let run = try await TraceContext.$current.withValue(parent) {
          try await engine.client.start(Report.self, id: "report", input: false)
        }
        #expect(try await run.update(Report.rate, 5) == 5)
        try await eventually("the report waits for its signal") {
          try await fixture.count("select count(*) from orchestrator.events where type = 'ActivityTaskCompleted'") == 2
        }
        return run
      }
      // Another process replays the run, and the signal comes by SQL functions: from a process that owns nothing.
      try await fixture.withEngine(registry) { engine in
        let outside = Client(fixture.pool, registry, identity: "outside")
        let empty = try PayloadCodec.encode("")
        try await TraceContext.$current.withValue(parent) { try await outside.signal(run.key, name: "remind", input: empty) }
        let result = try await engine.client.handle(Report.self, id: "report").result()
        #expect(result == "child: \(trace), remote: \(trace), , nobody")
      }
    }
    let spans = recorder.recorded.filter { $0.traceID == trace }
    func span(_ name: String, _ workflowID: String = "report") throws -> Span {
      let found = spans.filter { $0.name == name && $0.attributes["workflowId"] == workflowID }
      #expect(found.count == 1, "\(name): \(found)")
      return try #require(found.first)
    }
    let (start, report) = (try span("Start:Report"), try span("RunWorkflow:Report"))
    let child = try span("RunWorkflow:Report", "report-child")
    #expect(start.parentSpanID == parent.spanID && report.parentSpanID == start.spanID && child.parentSpanID == report.spanID)
    #expect(try span("RunActivity:traced", "report-child").parentSpanID == child.spanID)
    #expect(try span("RunActivity:remote").parentSpanID == report.spanID)
    #expect(try span("RunActivity:traced").parentSpanID == report.spanID)
    #expect(try span("HandleSignal:remind").parentSpanID == span("Signal:remind").spanID)
    #expect(spans.allSatisfy { $0.failure == nil && $0.endedAt != nil })
    #expect(
      try await fixture.text("(select attributes #>> '{header,tracestate}' from orchestrator.events where event_id = 1 limit 1)")
        == "shop=1")
  }

  @Test func `Interceptors add headers, refuse requests, and see what code does once, in the order of registration`() async throws {
    let fixture = try EngineFixture()
    let tenancy = Tenancy()
    var registry = Self.registry { $0.intercept(clients: tenancy) }
    registry.intercept(workflows: tenancy)
    registry.intercept(activities: tenancy)
    let everybody = registry
    try await Self.withWorker(fixture, everybody) {
      try await fixture.withEngine(everybody) { engine in
        let run = try await engine.client.start(Report.self, id: "report", input: false)
        let stars = try await run.update(Report.rate, 3)
        #expect(stars == 3)
        try await run.signal(Report.remind, "hello")
        #expect(try await run.result().hasSuffix("hello, acme"))
        await #expect(throws: OrchestratorError(.invalidArgument, "not for you")) {
          try await engine.client.signal(run.key, name: "forbidden", input: .null)
        }
      }
    }
    let notes = tenancy.notes.withLock { $0 }
    for expected in [
      "began report", "began report-child", "update rate for acme", "signal remind for acme", "ended report", "ended report-child",
    ] {
      #expect(notes.filter { $0 == expected }.count == 1, "\(expected) in \(notes)")
    }
    #expect(notes.filter { $0 == "traced for acme" }.count == 2 && notes.contains("remote for acme"))
  }

  @Test(
    arguments: [
      nil, "", "00", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
      "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
    ])
  func `A trace parent that breaks the recommendation's grammar is none`(_ text: String?) {
    #expect(TraceContext(traceparent: text) == nil)
  }

  @Test func `A trace parent of a later version is read as far as it is known`() throws {
    let context = try #require(TraceContext(traceparent: "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-later"))
    #expect(!context.isSampled && context.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
  }
}
