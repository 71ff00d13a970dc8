import Foundation
import Orchestrator

/// Keeps journeys going through the client of the owner's own process, and says what was acknowledged.
struct JourneyLoad: Sendable {
  private let client: Client
  private let name: String

  init(_ client: Client, name: String) {
    self.client = client
    self.name = name
  }

  func run(inFlight: Int) async {
    await withTaskGroup { group in
      for lane in 0..<inFlight { group.addTask { await runLane(lane) } }
    }
  }

  private func runLane(_ lane: Int) async {
    var number = lane
    while !Task.isCancelled {
      await journey("\(name)-\(number)", number)
      number += 1000
    }
  }

  private func journey(_ id: String, _ number: Int) async {
    let runID = RunID.generate()
    guard await insist({ try await client.start(Journey.self, id: id, input: number, runID: runID) }) else { return }
    say("started", id, String(number))
    let handle = client.handle(Journey.self, id: id)
    guard await insist({ try await handle.signal(Journey.tick, 1, requestID: "\(id)/1") }) else { return }
    say("signaled", id, "\(id)/1")
    if let total = try? await handle.result() { say("completed", id, String(total)) }
  }

  /// Repeats a call with the same identifier until it is acknowledged: what an honest client does when the answer got lost.
  private func insist(_ call: () async throws -> Void) async -> Bool {
    while !Task.isCancelled {
      do {
        try await call()
        return true
      } catch {
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
    return false
  }
}
