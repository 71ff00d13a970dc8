import ExampleSupport
import Orchestrator

enum Steps {
  static let notify = Activity<Notice, Nothing>("notify")
}

struct Notice: Codable, Sendable {
  var to: String
  var text: String
}

struct Expense: Codable, Sendable {
  var what: String
  /// Who is asked, and who is asked when nobody before has decided.
  var approvers: [String]
}

/// Asks people, reminds them, asks their superiors, and gives up in the end.
struct Approve: Workflow {
  static let decide = Signal<Self, Bool>("decide")
  static let reminders = 2
  /// A day, in an example that ends.
  static let patience = Duration.milliseconds(100)

  func run(_ workflow: Context<Self>, _ expense: Expense) async throws -> String {
    for approver in expense.approvers {
      for reminder in 0...Self.reminders {
        let text = reminder == 0 ? "please decide on \(expense.what)" : "reminder \(reminder): \(expense.what)"
        _ = try await workflow.execute(Steps.notify, Notice(to: approver, text: text))
        // A decision that came while somebody was being notified is here at once.
        if let isGranted = try await workflow.receive(Self.decide, within: Self.patience) { return isGranted ? "granted" : "refused" }
      }
    }
    return "refused: nobody decided"
  }
}

@main struct Main {
  static func main() async throws {
    let (notices, mailbox) = AsyncStream.makeStream(of: Notice.self)
    var registry = Registry()
    registry.register(Approve.self)
    registry.implement(Steps.notify) { notice, _ in
      mailbox.yield(notice)
      return Nothing()
    }
    try await withEngine(registry) { client, _ in
      let run = try await client.start(
        Approve.self, id: "expense-1", input: Expense(what: "a piano", approvers: ["ann", "bob"]))
      for await notice in notices {
        print("to \(notice.to): \(notice.text)")
        // Ann is on holiday.
        if notice.to == "bob" {
          try await run.signal(Approve.decide, true)
          break
        }
      }
      print("a piano:", try await run.result())
    }
  }
}
