import Orchestrator

/// Everything concurrent that workflow code may do, in one program; its result tells the order in which things happened.
enum ManyBranches {
  struct StepError: Error {
    let step: String
  }

  @Sendable
  static func program(_ workflow: Context<Scripted>) async throws -> String {
    var trace = ["\(workflow.uuid())", "\(workflow.random(in: 0...999))"]
    async let first = workflow.execute(Steps.work, "first")
    async let second = nested(workflow, "second", depth: 3)
    async let third = typedOutcome(workflow)
    trace.append(contentsOf: await group(workflow))
    trace.append(contentsOf: await race(workflow))
    trace.append(contentsOf: [try await first, try await second])
    trace.append(await third)
    trace.append(contentsOf: try await messages(workflow))
    trace.append(contentsOf: [await nearby(workflow), try await elsewhere(workflow)])
    trace.append(try await workflow.shielded { try await workflow.execute(Steps.other, "shielded") })
    trace.append("\(workflow.now.timeIntervalSince1970)")
    return trace.joined(separator: " ")
  }

  private static func nested(_ workflow: Context<Scripted>, _ name: String, depth: Int) async throws -> String {
    if depth == 0 { return try await workflow.execute(Steps.work, name) }
    if depth == 2 { try await workflow.sleep(.seconds(depth)) }
    async let below = nested(workflow, "\(name).\(depth)", depth: depth - 1)
    async let beside = workflow.inline(Steps.digest, "\(name)/\(depth)")
    return try await "\(below)+\(beside)"
  }

  private static func typedOutcome(_ workflow: Context<Scripted>) async -> String {
    do throws(StepError) {
      return try await typed(workflow)
    } catch {
      return "caught \(error.step)"
    }
  }

  private static func typed(_ workflow: Context<Scripted>) async throws(StepError) -> String {
    do {
      return try await workflow.execute(Steps.other, "typed")
    } catch {
      throw StepError(step: "typed")
    }
  }

  private static func group(_ workflow: Context<Scripted>) async -> [String] {
    await withThrowingTaskGroup(of: String.self) { group in
      for member in 0..<5 {
        group.addTask {
          if member.isMultiple(of: 2) { try await workflow.sleep(.milliseconds(member)) }
          return try await workflow.execute(Steps.work, "member \(member)")
        }
      }
      var order: [String] = []
      while let next = await group.nextResult() {
        order.append((try? next.get()) ?? "failed")
        workflow.state.notes.append(order.last ?? "")
      }
      return order
    }
  }

  private static func race(_ workflow: Context<Scripted>) async -> [String] {
    await withThrowingTaskGroup(of: String.self) { group in
      group.addTask { try await handled(workflow) }
      group.addTask {
        try await workflow.sleep(.hours(1))
        return "timer won"
      }
      group.addTask { try await workflow.wait(upTo: .hours(2)) { $0.count > 2 } ? "count won" : "wait ended" }
      group.addTask { try await workflow.receive(Scripted.message, within: .hours(3)) ?? "nothing came" }
      let winner = await group.nextResult()
      group.cancelAll()
      var order = [(try? winner?.get()) ?? "loser"]
      while let next = await group.nextResult() { order.append((try? next.get()) ?? "lost") }
      return order
    }
  }

  private static func handled(_ workflow: Context<Scripted>) async throws -> String {
    try await withTaskCancellationHandler {
      try await workflow.execute(Steps.work, "handled")
    } onCancel: {
      workflow.state.notes.append("cancelled")
    }
  }

  private static func messages(_ workflow: Context<Scripted>) async throws -> [String] {
    async let counted = workflow.wait(upTo: .minutes(5)) { $0.count > 3 }
    async let received = workflow.receive(Scripted.message)
    return ["\(try await counted)", try await received, workflow.state.notes.joined(separator: ",")]
  }

  nonisolated(nonsending) private static func nearby(_ workflow: Context<Scripted>) async -> String {
    await Task.yield()
    return (try? await workflow.execute(Steps.work, "nearby")) ?? "nearby failed"
  }

  @concurrent
  private static func elsewhere(_ workflow: Context<Scripted>) async throws -> String {
    try await workflow.inline(Steps.digest, "elsewhere")
  }
}
