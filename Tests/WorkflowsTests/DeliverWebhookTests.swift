import Foundation
import Orchestrator
import OrchestratorTesting
import Testing

@testable import Workflows

@Suite struct DeliverWebhookTests {
  @Test func `Attempts follow each other at the times that their verdicts name, over days`() async throws {
    let waits: [Int64] = [5_000, 300_000, 86_400_000]
    let attempts = MockActivity(Steps.deliverWebhook) { attempt in
      WebhookVerdict(waitMilliseconds: attempt.number <= waits.count ? waits[attempt.number - 1] : nil)
    }
    let environment = try await TestEnvironment(workflows: [DeliverWebhook.self], activities: [attempts])
    let begun = environment.now
    let run = try await environment.start(DeliverWebhook.self, id: "webhook-1", WebhookOrder(deliveryID: "1"))
    #expect(try await run.result() == 4)
    #expect(attempts.inputs.map(\.number) == [1, 2, 3, 4])
    #expect(environment.now.timeIntervalSince(begun) >= Double(waits.reduce(0, +)) / 1000)
  }
}
