import Foundation
import Orchestrator
import PostgreSQL
import Synchronization
import TestSupport
import Testing

@testable import Activities
@testable import HTTP
@testable import Workflows
@testable import orchestratord

/// The whole service in one process: engine, pipeline, store and API on one database.
final class LiveService: Sendable {
  let engine: Engine
  let router: Router
  let catalog: TrackCatalog
  let database: Database
  let store: any ObjectStore
  let lyrics = SwitchableLyrics()
  private let folder: String
  /// For those who are elsewhere.
  private let server: HTTPServer?

  /// Runs the body with a service that is shut down afterwards.
  /// - Parameters:
  ///   - provider: instead of `lyrics`.
  ///   - bucket: where the files lie, instead of a folder.
  ///   - scanner: looks into uploads; nil for none.
  ///   - processors: services elsewhere, which reach this one on a port of its own.
  static func run<Value>(
    lyrics provider: (any LyricsProvider)? = nil, bucket: Bucket? = nil, scanner: (any VirusScanner)? = nil,
    processors: [ExternalProcessor] = [], _ body: (LiveService) async throws -> Value
  ) async throws -> Value {
    let service = try await LiveService(provider, bucket, scanner, processors)
    do {
      let value = try await body(service)
      await service.engine.shutdown()
      return value
    } catch {
      await service.engine.shutdown()
      throw error
    }
  }

  private init(
    _ provider: (any LyricsProvider)?, _ bucket: Bucket?, _ scanner: (any VirusScanner)?, _ processors: [ExternalProcessor]
  ) async throws {
    var storage = StorageConfiguration()
    storage.bucket = bucket
    let configuration = try TestCluster.createDatabase()
    let migrations = URL(filePath: #filePath).appending(path: "../../../Migrations").standardizedFileURL.path
    _ = try Migrator(configuration).apply(try Migration.load(from: migrations))
    database = try Database(configuration)
    catalog = TrackCatalog(database)
    folder = FileManager.default.temporaryDirectory.appending(path: "service-\(UUID().uuidString)").path
    store = try storage.makeStore(folder: folder + "/store", scratchFolder: folder + "/written", HTTPClient())
    try FileManager.default.createDirectory(atPath: folder + "/scratch", withIntermediateDirectories: true)
    let tokens = OwnTokens(try TokenSigner(TokenTests.secret))
    let front = Front()
    if !processors.isEmpty { server = try HTTPServer { await front.router.respond(to: $0) } } else { server = nil }
    let links = try ProcessorAddresses(
      tokens: tokens, bucket: Bucket(StorageRoutes.bucket, at: "http://127.0.0.1:\(server?.port ?? 0)", .local(tokens.signer)),
      publicURL: "http://127.0.0.1:\(server?.port ?? 0)"
    ).links
    let jobTypes = JobTypes(processors: processors, links: links, client: HTTPClient())
    var registry = Registry()
    registry.register(PublishTrack.self)
    registry.register(ProcessAsset.self)
    PipelineActivities(
      catalog: catalog, store: store, lyrics: provider ?? lyrics, scratchFolder: folder + "/scratch", jobTypes: jobTypes, scanner: scanner
    ).implement(in: &registry)
    var settings = EngineConfiguration(database: configuration, build: "test")
    settings.localTaskQueues = [TaskQueues.catalog: 4, TaskQueues.media: 2, TaskQueues.lyrics: 2]
    settings.drainTime = .milliseconds(500)
    let engine = try Engine(settings, registry)
    self.engine = engine
    var router = Router()
    let authentication = try Authentication(tokens: TestAPI.tokens)
    let wake: @Sendable () -> Void = { engine.client.wake() }
    MusicAPI(
      catalog: catalog, store: store, authentication: authentication, tokens: tokens, storage: storage.access(tokens), wake: wake
    ).addRoutes(to: &router)
    AssetAPI(
      catalog: catalog, authentication: authentication, tokens: tokens, jobTypes: jobTypes, storage: storage.access(tokens), wake: wake
    ).addRoutes(to: &router)
    StorageRoutes(store: store, credentials: .local(tokens.signer)).addRoutes(to: &router)
    self.router = router
    front.router = router
    engine.start()
    try await engine.waitUntilReady()
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// A sound as MP3, by default three seconds of a tone.
  func song(_ sound: String = "sine=frequency=330:duration=3:sample_rate=44100") async throws -> [UInt8] {
    try await Self.sound(sound, in: folder)
  }

  static func sound(_ sound: String = "sine=frequency=330:duration=3:sample_rate=44100", in folder: String) async throws -> [UInt8] {
    let path = folder + "/song.mp3"
    let source = ["-v", "error", "-y", "-f", "lavfi", "-i", sound, path]
    try await Subprocess("/usr/bin/ffmpeg", source, in: folder).run()
    return [UInt8](try #require(FileManager.default.contents(atPath: path)))
  }

  func upload(_ bytes: [UInt8], title: String = "Blue") async throws -> TrackID {
    let form = Form(file: bytes, fields: [("title", title)])
    let answer = try await send(.post, "/api/v1/uploads", headers: form.headers, body: form.body)
    #expect(answer.status == 202)
    return try #require(TrackID(answer.text("trackId") ?? ""))
  }

  func send(
    _ method: HTTPMethod, _ target: String, as token: String = "artist-token-0001", headers: HTTPHeaders = [:], body: [UInt8] = []
  ) async throws -> Answer {
    var headers = headers
    headers["Authorization"] = "Bearer \(token)"
    headers["Host"] = headers["Host"] ?? "music.example"
    return Answer(await router.respond(to: try HTTPRequest(method: method, target: target, headers: headers, body: RequestBody(body))))
  }

  func review(_ id: TrackID, _ json: String) async throws -> Answer {
    try await send(.post, "/api/v1/tracks/\(id)/review", as: "admin-token-00001", body: Array(json.utf8))
  }

  func handle(_ id: TrackID) -> WorkflowHandle<PublishTrack> { engine.client.handle(PublishTrack.self, id: id.workflowID) }

  /// The track's document when it fulfils the condition; a track that does not in a minute fails the test.
  func document(_ id: TrackID, when condition: ([String: Any]) -> Bool) async throws -> [String: Any] {
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      let document = try await send(.get, "/api/v1/tracks/\(id)").json
      if condition(document) { return document }
      try #require(ContinuousClock.now < deadline, "the track stayed at \(document)")
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  func track(_ id: TrackID, reaching status: TrackStatus) async throws -> [String: Any] {
    try await document(id) { $0["status"] as? String == status.rawValue }
  }

  func track(_ id: TrackID, withLyrics status: LyricsStatus) async throws -> [String: Any] {
    try await document(id) { $0["lyricsStatus"] as? String == status.rawValue }
  }

  /// The job's document when it fulfils the condition, by default when it has ended.
  func job(
    _ id: String,
    when condition: (_ status: String, _ document: [String: Any]) -> Bool = { status, _ in
      JobStatus(rawValue: status)?.isEnd == true
    }
  ) async throws -> [String: Any] {
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      let document = try await send(.get, "/api/v1/jobs/\(id)").json
      if condition(document["status"] as? String ?? "", document) { return document }
      try #require(ContinuousClock.now < deadline, "the job stayed at \(document)")
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  func stagedFiles() async throws -> [ObjectInfo] { try await store.list(in: TrackKeys.staging(), after: nil, limit: 10) }
}

/// What a port answers with, which is known before there is a router.
private final class Front: Sendable {
  private let held = Mutex(Router())
  var router: Router {
    get { held.withLock { $0 } }
    set { held.withLock { $0 = newValue } }
  }
}

/// A provider whose answer a test changes while it runs.
final class SwitchableLyrics: LyricsProvider {
  static let lyrics = Lyrics(
    lines: [LyricsLine(startMilliseconds: 100, endMilliseconds: 900, text: "la la")], source: .transcribed, model: "test")

  private let state = Mutex((answers: [Result<Lyrics, LyricsFailure>.success(lyrics)], calls: 0))

  /// From now on the answers are these in turn, the last one for ever.
  func become(_ answers: [Result<Lyrics, LyricsFailure>]) { state.withLock { $0 = (answers, 0) } }

  /// How often it was asked since then.
  var calls: Int { state.withLock { $0.calls } }

  func transcribe(_ request: LyricsRequest) async throws -> Lyrics {
    try state.withLock { state in
      state.calls += 1
      return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
    }.get()
  }
}
