import ExampleSupport
import Orchestrator
import Synchronization

enum Steps {
  static let resize = Activity<Int, Int>("resize")
}

/// One step for each of many pictures, and never more than so many under way: the window slides on with whichever step ends first.
struct ResizeAll: Workflow {
  static let atOnce = 100

  func run(_ workflow: Context<Self>, _ pictures: Int) async throws -> Int {
    try await withThrowingTaskGroup(of: Int.self) { group in
      var bytes = 0
      for picture in 0..<pictures {
        if picture >= Self.atOnce, let resized = try await group.next() { bytes += resized }
        group.addTask { try await workflow.execute(Steps.resize, picture) }
      }
      for try await resized in group { bytes += resized }
      return bytes
    }
  }
}

/// How many steps run at this moment, and how many ever did.
final class Gauge: Sendable {
  private let counts = Mutex((now: 0, most: 0))

  var most: Int { counts.withLock { $0.most } }

  func enter() {
    counts.withLock { counts in
      counts.now += 1
      counts.most = max(counts.most, counts.now)
    }
  }

  func leave() { counts.withLock { $0.now -= 1 } }
}

@main struct Main {
  static func main() async throws {
    let gauge = Gauge()
    var registry = Registry()
    registry.register(ResizeAll.self)
    registry.implement(Steps.resize) { picture, _ in
      gauge.enter()
      defer { gauge.leave() }
      return 1000 + picture % 10
    }
    try await withEngine(registry) { client, _ in
      let run = try await client.start(ResizeAll.self, id: "pictures-1", input: 10_000)
      print("10000 pictures are \(try await run.result()) bytes")
      print("at most \(ResizeAll.atOnce) at once: \(gauge.most <= ResizeAll.atOnce)")
    }
  }
}
