import Foundation
import Orchestrator
import PostgreSQL
import Workflows

/// What a command of an operator works with: a client of the database, and where its words go.
struct OperatorSession: Sendable {
  let client: Client
  let registry: Registry
  let output: TerminalOutput

  /// Runs the body on the configured database, which must be there: no server is started.
  /// - Throws: `OrchestratorError` with code `unavailable` when the database has no schema yet; what the body throws.
  static func run(
    _ arguments: inout Arguments, registry: Registry = KnownWorkflows.registry, output: TerminalOutput = .standard,
    _ body: (OperatorSession, inout Arguments) async throws -> Void
  ) async throws {
    let configuration = try Configuration(&arguments)
    let connection = try ConfiguredDatabase.connectOnly(configuration)
    let database = try Database(connection, maximumConnections: 2)
    let identity = ProcessInfo.processInfo.environment["USER"] ?? "uid \(getuid())"
    let client = Client(database, registry, identity: "cli/\(identity)", codec: configuration.codec)
    let session = OperatorSession(client: client, registry: registry, output: output)
    do {
      try await body(session, &arguments)
      await database.shutdown()
    } catch {
      await database.shutdown()
      guard let error = error as? DatabaseError, ["42P01", "3F000"].contains(error.sqlState) else { throw error }
      throw OrchestratorError(.unavailable, "the database has no schema of the orchestrator: run `orchestratord migrate` first")
    }
  }
}

/// The workflow types of this build.
enum KnownWorkflows {
  static var registry: Registry {
    var registry = Registry()
    registry.register(PublishTrack.self)
    registry.register(ProcessAsset.self)
    registry.register(DeliverWebhook.self)
    return registry
  }
}

extension Arguments {
  /// The next word, which must be there.
  mutating func required(_ what: String) throws(UsageError) -> String {
    guard let word = try positional() else { throw UsageError("\(what) is missing") }
    return word
  }

  /// The value of an option as JSON.
  mutating func json(_ name: String) throws -> Payload? {
    guard let text = try option(name) else { return nil }
    do {
      return try Payload(checking: Array(text.utf8))
    } catch {
      throw UsageError("\(name) must be JSON, for example '{\"a\": 1}' or '\"text\"': \(error)")
    }
  }

  /// The value of `--run` as a run id.
  mutating func runID() throws(UsageError) -> RunID? {
    guard let text = try option("--run") else { return nil }
    guard let runID = RunID(text) else { throw UsageError("--run takes a run id, which is a UUID, not '\(text)'") }
    return runID
  }

  /// `--decode`: values as they were, which takes the key ring.
  mutating func display(_ codec: CodecChain?, otherwise: ValueDisplay = .placeholders) throws(UsageError) -> ValueDisplay {
    guard flag("--decode") else { return otherwise }
    guard codec != nil else { throw UsageError("--decode needs the keys: name the key ring by --key-ring FILE") }
    return .decoded
  }

  /// `--namespace NAME`, by default `default`.
  mutating func namespace() throws(UsageError) -> String { try option("--namespace") ?? "default" }
}
