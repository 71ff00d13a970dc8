import ExampleSupport
import Orchestrator

enum Steps {
  /// Business errors are not tried again; everything else is, three times.
  private static let options = ActivityOptions(
    retryPolicy: RetryPolicy(initialInterval: .milliseconds(10), maximumAttempts: 3, nonRetryableErrorTypes: ["SoldOut"]))

  static let book = Activity<String, String>("book", options)
  static let cancel = Activity<String, String>("cancel", options)
}

/// Books everything or nothing: what was booked is undone in reverse order, also when the run is cancelled meanwhile.
struct BookTrip: Workflow {
  func run(_ workflow: Context<Self>, _ parts: [String]) async throws -> [String] {
    var bookings: [String] = []
    do {
      for part in parts { bookings.append(try await workflow.execute(Steps.book, part)) }
      return bookings
    } catch {
      let booked = bookings
      try await workflow.shielded {
        for booking in booked.reversed() { _ = try await workflow.execute(Steps.cancel, booking) }
      }
      throw error
    }
  }
}

@main struct Main {
  static func main() async throws {
    var registry = Registry()
    registry.register(BookTrip.self)
    registry.implement(Steps.book) { part, context in
      if part == "car" { throw ApplicationFailure(type: "SoldOut", message: "no \(part) is left", isRetryable: false) }
      // A network that fails once: the second attempt succeeds.
      if part == "hotel", context.info.attempt == 1 { throw ApplicationFailure(type: "Timeout", message: "no answer") }
      print("booked \(part) at attempt \(context.info.attempt)")
      return part
    }
    registry.implement(Steps.cancel) { booking, _ in
      print("cancelled \(booking)")
      return booking
    }
    try await withEngine(registry) { client, _ in
      let trip = try await client.start(BookTrip.self, id: "trip-1", input: ["flight", "hotel", "car"])
      do {
        print(try await trip.result())
      } catch let error as WorkflowFailure {
        print("trip-1 ended \(error.status.name), because \(error.failure?.cause.first?.message ?? "of nothing known")")
      }
    }
  }
}
