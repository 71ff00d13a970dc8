import ExampleSupport
import Orchestrator
import Synchronization

/// Whether the world is in order again.
let isMended = Mutex(false)

enum Shipping {
  static let pack = Activity<String, String>("pack")
  static let hand = Activity<String, String>("hand-over", ActivityOptions(retryPolicy: RetryPolicy(maximumAttempts: 1)))
}

struct Order: Workflow {
  func run(_ workflow: Context<Self>, _ goods: String) async throws -> String {
    let parcel = try await workflow.execute(Shipping.pack, goods)
    return try await workflow.execute(Shipping.hand, parcel)
  }
}

@main struct Main {
  static func main() async throws {
    var registry = Registry()
    registry.register(Order.self)
    registry.implement(Shipping.pack) { goods, _ in
      print("packs \(goods)")
      return "a parcel of \(goods)"
    }
    registry.implement(Shipping.hand) { parcel, _ in
      guard isMended.withLock({ $0 }) else { throw ApplicationFailure(type: "NoCarrier", message: "no carrier came") }
      return "handed over \(parcel)"
    }
    try await withEngine(registry) { client, _ in
      let order = try await client.start(Order.self, id: "order-1", input: "books")
      do {
        _ = try await order.result()
      } catch let failure as WorkflowFailure {
        print("failed:", failure.failure?.cause.first?.message ?? "")
      }
      // What would run again? Nothing is written.
      let preview = try await client.previewReset(order.key, to: .beforeFailure)
      print(
        "would keep \(preview.lastEventID) of \(preview.events) events, begin again:", preview.restartedActivities.map { $0.name ?? "" })
      isMended.withLock { $0 = true }
      try await client.retry(order.key, reason: "the carrier is back")
      print(try await client.handle(Order.self, id: "order-1").result())
      // The same from the start with another input, under an id of its own.
      try await client.fork(order.key, to: "order-2", input: Payload(json: Array(#""records""#.utf8)))
      print(try await client.handle(Order.self, id: "order-2").result())

      // Many at once: those that match now, each looked at again when its turn comes.
      isMended.withLock { $0 = false }
      for number in 3...5 { _ = try? await client.start(Order.self, id: "order-\(number)", input: "box \(number)").result() }
      isMended.withLock { $0 = true }
      let failed = "WorkflowType = 'Order' AND ExecutionStatus = 'Failed' AND WorkflowId > 'order-2'"
      print("a batch would retry", try await client.previewBatch(.retry, query: failed).count)
      let batch = try await client.startBatch(.retry, query: failed, reason: "the carrier is back", operationsPerSecond: 20)
      let progress = try await batch.result()
      print("retried \(progress.done) of \(progress.total), refused \(progress.failed)")
      print(try await client.handle(Order.self, id: "order-5").result())
    }
  }
}
