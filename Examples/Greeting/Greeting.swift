import ExampleSupport
import Orchestrator

enum Steps {
  static let translate = Activity<String, String>("translate")
  static let deliver = Activity<String, Int>("deliver")
}

struct Greeting: Workflow {
  func run(_ workflow: Context<Self>, _ name: String) async throws -> String {
    async let english = workflow.execute(Steps.translate, "Hello, \(name)!")
    async let french = workflow.execute(Steps.translate, "Bonjour, \(name) !")
    let letter = try await english + " " + french
    try await workflow.sleep(.milliseconds(200))  // kept by the database: two hundred days would work the same way
    let bytes = try await workflow.execute(Steps.deliver, letter)
    return "\(letter) (\(bytes) bytes delivered)"
  }
}

@main struct Main {
  static func main() async throws {
    var registry = Registry()
    registry.register(Greeting.self)
    registry.implement(Steps.translate) { text, _ in text.uppercased() }
    registry.implement(Steps.deliver) { letter, _ in letter.utf8.count }
    try await withEngine(registry) { client, _ in
      let greeting = try await client.start(Greeting.self, id: "greeting-1", input: "world")
      print(try await greeting.result())
    }
  }
}
