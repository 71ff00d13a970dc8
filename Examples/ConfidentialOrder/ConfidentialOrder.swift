import ExampleSupport
import Orchestrator
import PostgreSQL

struct Order: Codable, Sendable {
  var item: String
  var card: String
}

enum Steps {
  static let charge = Activity<Order, String>("charge")
}

struct Purchase: Workflow {
  func run(_ workflow: Context<Self>, _ order: Order) async throws -> String { try await workflow.execute(Steps.charge, order) }
}

/// Carries the shop that a request is for from the caller to each step; neither the workflow nor its input knows of it.
struct ShopOfRequest: ClientInterceptor, WorkflowInterceptor, ActivityInterceptor {
  @TaskLocal static var current: String?

  func send(_ call: ClientCall, next: @Sendable (ClientCall) async throws -> Void) async throws {
    var call = call
    call.headers.setText("shop", Self.current)
    try await next(call)
  }

  func asked(_ call: inout OutboundCall, _ run: InterceptedRun) { call.headers.setText("shop", run.info.headers.text("shop")) }

  func execute(_ context: ActivityContext, next: @Sendable () async throws -> Payload) async throws -> Payload {
    try await Self.$current.withValue(context.info.headers.text("shop")) { try await next() }
  }
}

@main struct Main {
  static func main() async throws {
    var registry = Registry()
    registry.register(Purchase.self)
    registry.implement(Steps.charge) { order, _ in "\(ShopOfRequest.current ?? "nobody") charged \(order.card) for \(order.item)" }
    registry.intercept(clients: ShopOfRequest())
    registry.intercept(workflows: ShopOfRequest())
    registry.intercept(activities: ShopOfRequest())
    // A real key lies in a file: `KeyRing(file:)`.
    let keys = try KeyRing(active: "2026-11", keys: ["2026-11": (0..<32).map { _ in .random(in: 0...255) }])
    let codec = CodecChain([CompressionCodec(), EncryptionCodec(keys)])
    try await withEngine(registry, codec: codec) { client, connection in
      let order = Order(item: "a record", card: "4000-0566-5566-5556")
      let purchase = try await ShopOfRequest.$current.withValue("records.example") {
        try await client.start(Purchase.self, id: "purchase-1", input: order)
      }
      print(try await purchase.result())
      let database = try Database(connection, maximumConnections: 1)
      print("events with the card in the clear:", try await database.query(OrderStatements.eventsWith, Parameters(order.card)).int64(0, 0))
      await database.shutdown()
    }
  }
}
