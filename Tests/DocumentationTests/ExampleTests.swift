import TestSupport
import Testing

/// The examples are programs that people start from: they run, and say what their document says.
@Suite struct ExampleTests {
  static let examples = [
    "Greeting", "SignalAndTimer", "Saga", "VersionedChange", "FindingRuns", "DailyReport", "EmbedInYourTransaction", "Subscription",
    "ParentAndChildren", "FanOut", "HumanApproval", "ExternalJob", "MendAndGoOn",
    "ConfidentialOrder",
  ]

  @Test("An example prints what stands beside it", arguments: examples)
  func output(_ name: String) async throws {
    let environment = ["DATABASE_URL": try TestCluster.createDatabase().connectionString]
    let example = try RunningProgram("\(Project.programs)/\(name)", environment: environment, in: Project.top)
    #expect(try await example.exitStatus(within: .seconds(60)) == 0)
    #expect(example.output == (try Project.text("Examples/\(name)/expected.txt")))
  }

  @Test("Without DATABASE_URL an example makes a PostgreSQL of its own and leaves nothing behind")
  func ownDatabase() async throws {
    let folder = try TemporaryFolder()
    let environment = ["TMPDIR": folder.path]
    let example = try RunningProgram("\(Project.programs)/Greeting", environment: environment, in: Project.top)
    #expect(try await example.exitStatus(within: .seconds(120)) == 0)
    #expect(example.output == (try Project.text("Examples/Greeting/expected.txt")))
    #expect(try folder.contents().isEmpty)
  }

  @Test("Every example is 30 to 80 lines, and all are tested")
  func size() throws {
    #expect(Set(Project.files(in: "Examples", ending: "expected.txt")) == Set(Self.examples.map { "Examples/\($0)/expected.txt" }))
    for name in Self.examples {
      let lines = try Project.text("Examples/\(name)/\(name).swift").split(separator: "\n", omittingEmptySubsequences: false).count - 1
      #expect((30...80).contains(lines), "\(name) has \(lines) lines")
    }
  }
}
