import Activities
import Foundation
import HTTP
import Orchestrator
import PostgreSQL

/// `bench-process ROLE`: what `bench` starts beside itself; not for people. The connection string comes by standard input, whose end is
/// the word to stop.
enum BenchmarkProcessCommand {
  static func run(_ arguments: inout Arguments) async throws {
    let name = try arguments.required("the role")
    try arguments.finish()
    guard let role = BenchmarkProgram.Role(rawValue: name) else { throw UsageError("there is no role '\(name)'") }
    Log.setLevel(.warning)
    guard let text = readLine(), !text.isEmpty else { throw UsageError("the connection string comes by standard input") }
    let database = ConnectionConfiguration(text)
    switch role {
    case .owner: try await own(database)
    case .worker: try await work(database)
    case .server: try await serve(database)
    case .receiver: try await receive(database, folder: readLine() ?? "")
    }
  }

  private static func own(_ database: ConnectionConfiguration) async throws {
    let engine = try await startedEngine(database)
    say(String(ProcessInfo.processInfo.processIdentifier))
    await untilInputEnds()
    await engine.shutdown()
  }

  private static func work(_ database: ConnectionConfiguration) async throws {
    let worker = try ActivityWorker(
      ActivityWorkerConfiguration(database: database, taskQueues: [BenchmarkSteps.remoteQueue: BenchmarkSteps.workerConcurrency]),
      BenchmarkSteps.registry)
    async let working: Void = worker.run()
    say(String(ProcessInfo.processInfo.processIdentifier))
    await untilInputEnds()
    worker.stop()
    await working
  }

  private static func serve(_ database: ConnectionConfiguration) async throws {
    let engine = try await startedEngine(database)
    var router = Router()
    OperatorAPI(client: engine.client, authentication: .development).addRoutes(to: &router)
    let feed = EventFeed(EventLog(database: try Database(database)))
    EventAPI(feed: feed, authentication: .development, tokens: OwnTokens(try TokenSigner(IdleStreams.secret))).addRoutes(to: &router)
    let following = Task { await feed.run() }
    var settings = HTTPServerConfiguration()
    // All of the benchmark's come from one address.
    settings.connectionLimitPerAddress = settings.connectionLimit
    let server = try HTTPServer(settings, router: router)
    say("http://127.0.0.1:\(server.port)")
    await untilInputEnds()
    following.cancel()
    await server.drain(within: .seconds(1))
    await engine.shutdown()
  }

  private static func receive(_ connection: ConnectionConfiguration, folder: String) async throws {
    let database = try Database(connection, maximumConnections: 4)
    let store = try LocalObjectStore(folder: folder)
    var limits = UploadLimits()
    limits.resumableBytes = .max
    limits.quotaBytes = 1 << 60
    let acceptance = UploadAcceptance(catalog: TrackCatalog(database), store: store, limits: limits, wake: {})
    let tokens = OwnTokens(try TokenSigner(String(repeating: "benchmark", count: 4)))
    var router = Router()
    ResumableAPI(uploads: ResumableUploads(acceptance: acceptance, files: store), authentication: .development, tokens: tokens)
      .addRoutes(to: &router)
    let server = try HTTPServer(HTTPServerConfiguration(), router: router)
    say("http://127.0.0.1:\(server.port)")
    await untilInputEnds()
    await server.drain(within: .seconds(1))
    await database.shutdown()
  }

  private static func startedEngine(_ database: ConnectionConfiguration) async throws -> Engine {
    let engine = try Engine(BenchmarkSteps.configuration(database), BenchmarkSteps.registry)
    engine.start()
    try await engine.waitUntilReady()
    return engine
  }

  private static func say(_ word: String) {
    print("ready \(word)")
    fflush(nil)
  }

  private static func untilInputEnds() async {
    _ = try? await onOwnThread { while readLine() != nil {} }
  }
}
