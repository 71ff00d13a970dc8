import Foundation
import Orchestrator

/// Keeps journeys going through a client, and says what was acknowledged.
struct JourneyLoad: Sendable {
  private let client: Client
  private let name: String
  private let isMixed: Bool

  init(_ client: Client, _ arguments: ProcessArguments) {
    self.client = client
    name = arguments.name
    isMixed = arguments.isMixed
  }

  func run(inFlight: Int) async {
    await withTaskGroup { group in
      for lane in 0..<inFlight { group.addTask { await runLane(lane) } }
    }
  }

  private func runLane(_ lane: Int) async {
    var number = lane
    while !Task.isCancelled {
      await journey(number)
      number += 1000
    }
  }

  private func journey(_ number: Int) async {
    switch isMixed ? number / 1000 % 4 : 0 {
    case 1: await errand("\(name)-errand-\(number)", milliseconds: 10 + number % 90)
    case 3: await cancelled("\(name)-cancelled-\(number)", number)
    default: await journey("\(name)-\(number)", number)
    }
  }

  private func journey(_ id: String, _ number: Int) async {
    let runID = RunID.generate()
    guard await insist({ try await client.start(Journey.self, id: id, input: number, runID: runID) }) else { return }
    say("started", id, String(number))
    let handle = client.handle(Journey.self, id: id)
    guard await insist({ try await handle.signal(Journey.tick, 1, requestID: "\(id)/1") }) else { return }
    say("signaled", id, "\(id)/1")
    await sayCompleted(handle, id)
  }

  /// A step in a worker's process.
  private func errand(_ id: String, milliseconds: Int) async {
    let runID = RunID.generate()
    guard await insist({ try await client.start(Remote.self, id: id, input: milliseconds, runID: runID) }) else { return }
    say("began", id, String(milliseconds))
    await sayCompleted(client.handle(Remote.self, id: id), id)
  }

  /// A run that would wait for ever, and is cancelled.
  private func cancelled(_ id: String, _ number: Int) async {
    let runID = RunID.generate()
    guard await insist({ try await client.start(Waiting.self, id: id, input: number, runID: runID) }) else { return }
    say("began", id, String(number))
    let handle = client.handle(Waiting.self, id: id)
    if await insist({ try await handle.cancel(reason: "as planned") }) { say("cancelled", id) }
  }

  private func sayCompleted<W: Workflow>(_ handle: WorkflowHandle<W>, _ id: String) async where W.Output == Int {
    if let total = try? await handle.result() { say("completed", id, String(total)) }
  }

  /// Repeats a call with the same identifier until it is acknowledged: what an honest client does when the answer got lost.
  /// - Returns: false when it is not known whether it counted: the load ends, or the run closed after an answer that got lost.
  private func insist(_ call: () async throws -> Void) async -> Bool {
    while !Task.isCancelled {
      do {
        try await call()
        return true
      } catch let error as OrchestratorError where error.code == .workflowClosed {
        return false
      } catch {
        // A pause between two tries.
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
    return false
  }
}
