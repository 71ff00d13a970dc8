import Foundation
import Synchronization
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

  @Test func `a configuration file holds where neither option nor environment says otherwise`() throws {
    let file = try TemporaryFile(
      """
      # where it listens
      PORT = 84

      ORCHESTRATOR_CACHED_RUNS=7
      LYRICS_MODEL="a model "
      LOG_LEVEL=
      """)
    let found = try configuration(["--config", file.path, "--cached-runs", "9"], ["LYRICS_MODEL": ""])
    #expect(found.port == 84)
    #expect(found.cachedRuns == 9)
    #expect(found.lyricsModel == "a model ")
    #expect(found.logLevel == .info)
    #expect(try configuration([], ["ORCHESTRATOR_CONFIG": file.path, "PORT": "85"]).port == 85)
  }

  @Test(arguments: [
    ("ORCHESTRATOR_CASHED_RUNS=7", "ORCHESTRATOR_CACHED_RUNS"), ("port=84", "PORT"), ("PORT", "line 1"), ("PORT=1\nPORT=2", "line 2"),
    ("ORCHESTRATOR_CONFIG=other", "line 1"), ("PORT=x", "0 to 65535"), ("GEMINI_API_KEY_FILE=/nowhere/key", "/nowhere/key"),
  ])
  func `a configuration file with a fault is refused with what to write instead`(text: String, hint: String) throws {
    let file = try TemporaryFile(text)
    let error = #expect(throws: UsageError.self) { try configuration(["--config", file.path]) }
    #expect(error?.description.contains(hint) == true, "\(String(describing: error))")
  }

  @Test func `a misspelt option is answered with the one that was meant`() throws {
    #expect(try #require(throws: UsageError.self) { try configuration(["--prot", "1"]) }.description.contains("--port"))
    #expect(try #require(throws: UsageError.self) { try configuration(["--zebra=1"]) }.description == "unknown option '--zebra'")
  }

  /// What `orchestratord config` writes, and how many faults it counts.
  private func config(_ words: [String], _ environment: [String: String] = [:]) throws -> (text: String, faults: Int) {
    let written = Mutex("")
    let output = TerminalOutput(hasColour: false, now: { 0 }, write: { text in written.withLock { $0 += text } })
    var arguments = Arguments(words)
    do {
      try ConfigCommand(environment: environment, output: output).run(&arguments)
    } catch let faults as ConfigurationFaults {
      return (written.withLock { $0 }, faults.count)
    }
    return (written.withLock { $0 }, 0)
  }

  @Test func `config show names each value and where it comes from, and no secret`() throws {
    let file = try TemporaryFile("ORCHESTRATOR_CACHED_RUNS=7\nORCHESTRATOR_TOKENS=0123456789abcdef:ada:admin\n")
    let secret = try TemporaryFile("a secret of more than 32 bytes, for tests")
    let environment = ["PORT": "85", "ORCHESTRATOR_TOKEN_KEY_FILE": secret.path, "DATABASE_URL": "postgresql://user:word@host/db"]
    let (text, faults) = try config(["show", "--config", file.path, "--address", "127.0.0.2"], environment)
    #expect(faults == 0)
    let rows = text.split(separator: "\n").map { $0.split(separator: /\s\s+/).map(String.init) }
    #expect(rows.count == Settings.all.count + 1)
    for row in [
      ["--address", "127.0.0.2", "option --address"], ["--port", "85", "environment PORT"],
      ["--cached-runs", "7", "\(file.path), line 1"], ["ORCHESTRATOR_TOKENS", "(hidden)", "\(file.path), line 2"],
      ["ORCHESTRATOR_TOKEN_KEY", "(hidden)", "file \(secret.path)"], ["--database", "(hidden)", "environment DATABASE_URL"],
      ["--log-level", "info", "default"], ["GEMINI_API_KEY", "none", "default"],
    ] {
      #expect(rows.contains(row), "\(row)\n\(text)")
    }
    for word in ["0123456789abcdef", "a secret of", "word@host"] { #expect(!text.contains(word)) }
  }

  @Test func `config check says everything that is wrong at once, and what to change`() throws {
    let file = try TemporaryFile("PROT=1\n")
    let (text, faults) = try config(
      [
        "check", "--config", file.path, "--port", "x", "--address", "0.0.0.0", "--lyrics-url", "http://ai.example", "--data",
        "/dev/null/data",
        "--encrypt-failures", "--database", "no connection string",
      ], ["ORCHESTRATOR_TOKNES": "x", "ORCHESTRATOR_JWT_ISSUER": "https://issuer.example", "ORCHESTRATOR_TEST_DATABASE": "x"])
    #expect(faults == 9, "\(text)")
    #expect(text.split(separator: "\n").count == faults)
    for hint in [
      "did you mean PORT?", "--port takes", "to listen on 0.0.0.0", "GEMINI_API_KEY", "--data is /dev/null/data", "name a key ring",
      "did you mean ORCHESTRATOR_TOKENS?", "ORCHESTRATOR_JWKS", "connection string",
    ] {
      #expect(text.contains(hint), "\(hint)\n\(text)")
    }
  }

  @Test func `config check is content with the defaults`() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/config-check"
    let (text, faults) = try config(["check", "--data", folder])
    #expect(faults == 0, "\(text)")
    #expect(!FileManager.default.fileExists(atPath: folder))
  }

  @Test func `a bucket needs all of its settings, and what is no URL is refused, without telling the secret`() throws {
    let whole = [
      "ORCHESTRATOR_STORE_ENDPOINT": "https://s3.example", "ORCHESTRATOR_STORE_BUCKET": "music", "ORCHESTRATOR_STORE_KEY_ID": "key",
      "ORCHESTRATOR_STORE_SECRET": "top secret",
    ]
    let bucket = try #require(try configuration([], whole).storage.bucket)
    #expect(bucket.description == "bucket music at https://s3.example")
    #expect(try configuration().storage.bucket == nil)
    func refusal(_ environment: [String: String]) -> String? {
      let error = #expect(throws: UsageError.self) { try configuration([], environment) }
      return error?.description
    }
    for name in whole.keys.sorted() {
      let said = refusal(whole.filter { $0.key != name })
      #expect(said?.contains(name) == true && said?.contains("top secret") == false)
    }
    #expect(refusal(["ORCHESTRATOR_STORE_REGION": "auto"])?.contains("ORCHESTRATOR_STORE_SECRET") == true)
    #expect(refusal(whole.merging(["ORCHESTRATOR_STORE_ENDPOINT": "s3.example"]) { $1 }) != nil)
    #expect(refusal(["ORCHESTRATOR_PUBLIC_URL": "https://music.example/?a"]) != nil)
    #expect(refusal(["ORCHESTRATOR_UPLOAD_URL_MINUTES": "721"]) != nil)
    #expect(try configuration(["--upload-url-minutes", "60"]).storage.urlLifetime == .seconds(3600))
  }
}

/// A file that is gone when nobody needs it any more.
final class TemporaryFile {
  let path = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString).conf"

  init(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
