import ExampleSupport
import Orchestrator

/// A refund that says where it stands, so that it is found by that.
struct Refund: Workflow {
  static let decide = Signal<Self, Bool>("decide")
  /// What the code sets, with the types; an engine that knows the workflow adds the names to its database.
  static let searchAttributes: [String: SearchAttributeType] = ["Stage": .keyword, "Cents": .int]

  func run(_ workflow: Context<Self>, _ cents: Int) async throws -> String {
    // In the commit of the event that the code handles: whoever sees the run sees this too.
    try workflow.upsertSearchAttributes(["Stage": .keyword("undecided"), "Cents": .int(Int64(cents))])
    let isGranted = try await workflow.receive(Self.decide)
    try workflow.upsertSearchAttributes(["Stage": .keyword(isGranted ? "paid" : "refused")])
    return isGranted ? "paid back \(cents) cents" : "refused"
  }
}

@main struct Main {
  static func main() async throws {
    var registry = Registry()
    registry.register(Refund.self)
    try await withEngine(registry) { client, _ in
      // What starts say is added once, by whoever sets the service up: `orchestratord search-attribute add Customer Keyword`.
      try await client.addSearchAttribute("Customer", .keyword)
      for (id, customer, cents) in [("refund-1", "ann", 500), ("refund-2", "bob", 20_000), ("refund-3", "ann", 30_000)] {
        try await client.start(Refund.self, id: id, input: cents, searchAttributes: ["Customer": .keyword(customer)])
      }
      let large = try await client.listWorkflows(query: "Stage = 'undecided' AND Cents > 10000 ORDER BY StartTime ASC")
      print("to decide:", large.items.map(\.workflowID).joined(separator: ", "))

      let refund = client.handle(Refund.self, id: "refund-3")
      try await refund.signal(Refund.decide, true)
      print("refund-3:", try await refund.result())
      for query in ["Customer = 'ann'", "Customer = 'ann' AND Stage = 'paid'", "Stage IN ('paid', 'refused') OR Cents < 1000"] {
        print("\(query): \(try await client.countWorkflows(query: query).count)")
      }
    }
  }
}
