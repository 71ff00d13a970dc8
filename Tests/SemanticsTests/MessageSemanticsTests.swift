import Foundation
import Orchestrator
import OrchestratorTesting
import Testing

/// Collects what it is told until it is told to stop.
private struct Conversation: Workflow {
  struct State: WorkflowState {
    var heard: [String] = []
    var isOver = false
  }

  static let say = Signal<Self, String>("say") { state, word in state.heard.append(word) }
  static let whisper = Signal<Self, String>("whisper")
  static let stop = Signal<Self, Nothing>("stop") { state, _ in state.isOver = true }
  static let heard = Query<Self, [String]>("heard") { $0.heard }
  static let ask = Update<Self, String, Int>("ask") { state, word in
    if word.isEmpty { throw ApplicationFailure(type: "Empty", message: "say something") }
  } handle: { workflow, word in
    // As long as the word, in hours.
    try await workflow.sleep(.hours(word.count))
    workflow.state.heard.append(word)
    return workflow.state.heard.count
  }
  static let handlers: [Handler<Self>] = [.signal(say), .signal(stop), .query(heard), .update(ask)]

  func run(_ workflow: Context<Self>, _ whispers: Int) async throws -> [String] {
    try await workflow.wait { $0.isOver }
    var words = workflow.state.heard
    for _ in 0..<whispers { words.append("(\(try await workflow.receive(Self.whisper)))") }
    return words
  }
}

/// Signals, queries and updates, a sentence each.
@Suite struct MessageSemanticsTests {
  init() { Log.setLevel(.none) }

  private func begin(_ whispers: Int = 0, forgetsRuns: Bool = false) async throws -> TestRun<Conversation> {
    try await TestEnvironment(workflows: [Conversation.self], forgetsRuns: forgetsRuns).start(Conversation.self, whispers)
  }

  @Test("Signals: applied in the order in which they came, each an event", arguments: [false, true])
  func signals(forgetsRuns: Bool) async throws {
    let run = try await begin(forgetsRuns: forgetsRuns)
    for word in ["one", "two", "three"] { try await run.signal(Conversation.say, word) }
    try await run.signal(Conversation.stop, Nothing())
    #expect(try await run.result() == ["one", "two", "three"])
    #expect(try await run.history().signals == ["say", "say", "say", "stop"])
  }

  @Test func `Signals: one request id counts once`() async throws {
    let run = try await begin()
    try await run.signal(Conversation.say, "once", requestID: "r")
    try await run.signal(Conversation.say, "once", requestID: "r")
    try await run.signal(Conversation.stop, Nothing())
    #expect(try await run.result() == ["once"])
  }

  @Test func `Signals: what nobody waits for yet is kept, and taken in order when the code asks`() async throws {
    let run = try await begin(2)
    for word in ["early", "earlier"] { try await run.signal(Conversation.whisper, word) }
    try await run.signal(Conversation.stop, Nothing())
    #expect(try await run.result() == ["(early)", "(earlier)"])
  }

  @Test func `Signals: one to a closed run is refused`() async throws {
    let run = try await begin()
    try await run.signal(Conversation.stop, Nothing())
    _ = try await run.result()
    let refusal = await #expect(throws: OrchestratorError.self) { try await run.signal(Conversation.say, "late") }
    #expect(refusal?.code == .workflowClosed)
  }

  @Test func `Queries: read what is stored, leave no event, and are answered after the close`() async throws {
    let run = try await begin()
    try await run.signal(Conversation.say, "one")
    let events = try await run.history().events.count
    for _ in 0..<3 { #expect(try await run.query(Conversation.heard) == ["one"]) }
    #expect(try await run.history().events.count == events)
    try await run.signal(Conversation.stop, Nothing())
    _ = try await run.result()
    #expect(try await run.query(Conversation.heard) == ["one"])
  }

  @Test func `Updates: a validator rejects before anything is recorded`() async throws {
    let run = try await begin()
    let events = try await run.history().events
    let rejection = await #expect(throws: UpdateFailure.self) { try await run.update(Conversation.ask, "") }
    #expect(rejection?.isRejected == true && rejection?.failure.type == "Empty")
    #expect(try await run.history().events == events)
  }

  @Test func `Updates: the same id is the same request, with the same answer`() async throws {
    let run = try await begin()
    #expect(try await run.update(Conversation.ask, "a", id: "u") == 1)
    #expect(try await run.update(Conversation.ask, "b", id: "v") == 2)
    #expect(try await run.update(Conversation.ask, "a", id: "u") == 1)
    #expect(try await run.query(Conversation.heard) == ["a", "b"])
  }

  @Test func `Updates: handlers run side by side, and the run closes when all have ended`() async throws {
    let run = try await begin()
    let begin = run.environment.now
    run.environment.skipTime(false)
    async let slow = run.update(Conversation.ask, "twelve hours", id: "slow")
    async let quick = run.update(Conversation.ask, "two", id: "quick")
    // Both are accepted when they stand in the history.
    while try await run.history().count(of: "WorkflowExecutionUpdateAccepted") < 2 { await Task.yield() }
    try await run.signal(Conversation.stop, Nothing())
    run.environment.skipTime(true)
    _ = try await (slow, quick)
    #expect(try await run.query(Conversation.heard) == ["two", "twelve hours"])
    _ = try await run.result()
    #expect(run.environment.now.timeIntervalSince(begin) == 12 * 3600)
    let history = try await run.history()
    #expect(history.events.last == "WorkflowExecutionCompleted" && history.count(of: "WorkflowExecutionUpdateCompleted") == 2)
  }
}
