import Foundation
import HTTP
import Orchestrator
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

/// The contract and the live service under programs that are not ours: openapi-spec-validator and schemathesis.
///
/// `make contract EXAMPLES=100` sends more than CI has time for.
@Suite struct ContractPeerTests {
  private static let top = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL.path
  private static let tools = top + "/.build/venv/bin"
  private static let isInstalled = FileManager.default.isExecutableFile(atPath: tools + "/st")
  private static let examples = ProcessInfo.processInfo.environment["CONTRACT_EXAMPLES"].flatMap(Int.init)

  /// Streams that end when the client goes: a program that waits for the end of an answer learns nothing from them.
  private static let endless = "^/api/v1/(operations/)?events$"

  /// The service with an engine, on a port of its own; a token for each role, and one for all of them.
  private static func serving(_ body: (_ address: String) async throws -> Void) async throws {
    let api = try await TestAPI()
    var registry = Registry()
    registry.register(PublishTrack.self)
    var settings = EngineConfiguration(database: api.configuration, build: "test")
    settings.drainTime = .milliseconds(200)
    let engine = try Engine(settings, registry)
    engine.start()
    try await engine.waitUntilReady()
    let all = Role.allCases.map(\.rawValue).joined(separator: "+")
    let tokens = Role.allCases.map { "\(token($0)):\($0.rawValue):\($0.rawValue)" } + ["\(token(nil)):everyone:\(all)"]
    var authentication = try Authentication(tokens: tokens.joined(separator: ","))
    authentication.verifier = TokenVerifier(issuers: [api.access.tokens.trusted])
    authentication.directory = api.access.directory
    authentication.audit = AuditTrail(database: api.database)
    let access = AccessAPI(directory: api.access.directory, tokens: api.access.tokens, authentication: authentication)
    let router = Service.router(
      Configuration(), engine.client, api.catalog, api.store, api.database, access, WorkMetrics(), api.feed, api.resumable)
    let server = try HTTPServer(HTTPServerConfiguration(), router: router)
    let result: Result<Void, any Error>
    do {
      result = .success(try await body("http://127.0.0.1:\(server.port)"))
    } catch {
      result = .failure(error)
    }
    await server.drain(within: .seconds(1))
    await engine.shutdown()
    try result.get()
  }

  private static func token(_ role: Role?) -> String { "token-of-\(role?.rawValue ?? "all")-0001" }

  /// Waiting for a program must not take a thread that the server needs.
  private static func run(_ program: String, _ arguments: [String]) async throws -> (status: Int32, output: String) {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            let (process, pipe) = (Process(), Foundation.Pipe())
            process.executableURL = URL(filePath: tools + "/" + program)
            process.arguments = arguments
            // Schemathesis keeps what it found in its folder.
            let folder = FileManager.default.temporaryDirectory.appending(path: "contract-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            process.currentDirectoryURL = folder
            process.environment = [
              "PATH": "/usr/bin:/bin", "HOME": folder.path, "LC_ALL": "C.UTF-8", "SCHEMATHESIS_HOOKS": top + "/Tests/Contract/hooks.py",
            ]
            (process.standardOutput, process.standardError, process.standardInput) = (pipe, pipe, FileHandle.nullDevice)
            try process.run()
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return (process.terminationStatus, String(decoding: data, as: UTF8.self))
          })
      }
    }
  }

  private static func attack(_ address: String, as token: String?, examples: Int, phases: String) async throws {
    let checks = [
      "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
      "response_schema_conformance",
    ]
    var arguments = [
      "run", address + "/api/v1/openapi.json", "--seed", "7", "--max-examples",
      String(examples), "--phases", phases, "--checks", checks.joined(separator: ","), "--continue-on-failure", "--exclude-path-regex",
      Self.endless, "--request-timeout", "20",
      "--warnings", "off", "--no-color",
    ]
    if let token { arguments += ["--header", "Authorization: Bearer \(token)"] }
    let (status, output) = try await run("st", arguments)
    #expect(status == 0, "with \(token ?? "no token"):\n\(output)")
    #expect(output.contains(" generated, "), "it says how many requests it sent")
  }

  @Test(.enabled(if: isInstalled, "run scripts/python-tools first"))
  func `The contract is OpenAPI, as openapi-spec-validator reads it`() async throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(EmbeddedContract.json.utf8).write(to: file)
    let (status, output) = try await Self.run("openapi-spec-validator", [file.path])
    #expect(status == 0, "\(output)")
  }

  @Test(.enabled(if: isInstalled, "run scripts/python-tools first"), .timeLimit(.minutes(30)))
  func `No request that schemathesis makes of the contract is answered by an error of the server or outside of the contract`() async throws
  {
    try await Self.serving { address in
      try await Self.attack(address, as: Self.token(nil), examples: Self.examples ?? 3, phases: "coverage,fuzzing")
      for role in Role.allCases {
        try await Self.attack(address, as: Self.token(role), examples: Self.examples ?? 1, phases: "fuzzing")
      }
      try await Self.attack(address, as: nil, examples: Self.examples ?? 1, phases: "fuzzing")
    }
  }
}
