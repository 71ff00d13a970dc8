import Orchestrator

/// One unit of each workload that is driven one by one; each gives the milliseconds from the call to the result.
struct WorkloadUnits: Sendable {
  private let client: Client

  init(_ client: Client) {
    self.client = client
  }

  func chain(_ number: Int) async throws -> Double { try await run(BenchmarkChain.self, "chain-\(number)", number) }

  func inlineChain(_ number: Int) async throws -> Double { try await run(BenchmarkInlineChain.self, "inline-\(number)", number) }

  func oneStep(_ number: Int) async throws -> Double { try await run(BenchmarkOneStep.self, "step-\(number)", number) }

  func remoteStep(_ number: Int) async throws -> Double { try await run(BenchmarkRemoteStep.self, "remote-\(number)", number) }

  /// From the signal to the result; the start before it is not counted.
  func signal(_ number: Int) async throws -> Double {
    let handle = try await client.start(BenchmarkSignalled.self, id: "signalled-\(number)", input: BenchmarkPayload(number))
    let begun = ContinuousClock.now
    async let result = handle.result()
    try await handle.signal(BenchmarkSignalled.go, BenchmarkPayload(number))
    _ = try await result
    return (ContinuousClock.now - begun).seconds * 1000
  }

  func children(_ number: Int) async throws -> Double { try await run(BenchmarkParent.self, "parent-\(number)", number) }

  /// Each signal is acknowledged before the next one is sent.
  func signals(_ number: Int) async throws -> Double {
    try await conversation("signals-\(number)", number) { handle, payload in
      try await handle.signal(BenchmarkConversation.say, payload)
    }
  }

  /// Each update is answered before the next one is sent.
  func updates(_ number: Int) async throws -> Double {
    try await conversation("updates-\(number)", number) { handle, payload in
      guard try await handle.update(BenchmarkConversation.ask, payload) == payload else { throw BenchmarkError("another answer") }
    }
  }

  /// - Returns: milliseconds of one message.
  private func conversation(
    _ id: String, _ number: Int, _ send: (WorkflowHandle<BenchmarkConversation>, BenchmarkPayload) async throws -> Void
  ) async throws -> Double {
    let payload = BenchmarkPayload(number)
    let handle = try await client.start(BenchmarkConversation.self, id: id, input: payload)
    let begun = ContinuousClock.now
    for _ in 0..<BenchmarkConversation.messages { try await send(handle, payload) }
    let milliseconds = (ContinuousClock.now - begun).seconds * 1000
    _ = try await handle.result()
    return milliseconds / Double(BenchmarkConversation.messages)
  }

  private func run<W: Workflow>(_ workflow: W.Type, _ id: String, _ number: Int) async throws -> Double
  where W.Input == BenchmarkPayload {
    let begun = ContinuousClock.now
    _ = try await client.start(workflow, id: id, input: BenchmarkPayload(number)).result()
    return (ContinuousClock.now - begun).seconds * 1000
  }
}
