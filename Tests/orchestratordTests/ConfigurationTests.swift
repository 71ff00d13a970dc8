import Testing

@testable import orchestratord

@Suite struct ConfigurationTests {
  private func configuration(_ words: [String] = [], _ environment: [String: String] = [:]) throws -> Configuration {
    var arguments = Arguments(words)
    let configuration = try Configuration(&arguments, environment)
    try arguments.finish()
    return configuration
  }

  @Test func `options win over the environment, the environment over the defaults`() throws {
    #expect(try configuration().port == 8080)
    #expect(try configuration([], ["PORT": "81"]).port == 81)
    #expect(try configuration(["--port", "82"], ["PORT": "81"]).port == 82)
    #expect(try configuration(["--port=83"]).port == 83)
  }

  @Test func `a database variable set to nothing means the embedded database`() throws {
    #expect(try configuration([], ["DATABASE_URL": ""]).databaseURL == nil)
    #expect(try configuration([], ["DATABASE_URL": "postgresql://host/db"]).databaseURL == "postgresql://host/db")
  }

  @Test(arguments: [
    ["--port", "70000"], ["--port"], ["--queues", "media"], ["--queues", "media=0"], ["--cached-runs", "0"], ["--log-level", "loud"],
    ["--lyrics-url", "http://ai"], ["--unknown", "x"], ["word"],
  ])
  func `what cannot be used is refused with what to write instead`(words: [String]) {
    let error = #expect(throws: UsageError.self) { try configuration(words) }
    #expect(error?.description.isEmpty == false)
  }

  @Test func `queues are names with counts, or none`() throws {
    #expect(try configuration(["--queues", "media=3,other=1"]).taskQueues == ["media": 3, "other": 1])
    #expect(try configuration(["--queues", "none"]).taskQueues.isEmpty)
  }
}
