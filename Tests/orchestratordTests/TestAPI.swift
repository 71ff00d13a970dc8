import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Activities
@testable import HTTP
@testable import Workflows
@testable import orchestratord

/// The API over a real database and a real store in a folder of its own; no engine runs, so tracks move only when a test moves them.
final class TestAPI: Sendable {
  static let tokens =
    "artist-token-0001:anna:artist, other-token-00001:otto:artist, admin-token-00001:ada:admin, store-token-00001:minio:service"

  /// Of the URLs of the local store.
  static let storageCredentials = SigningCredentials(keyID: "local", secret: "not-a-secret", region: "local")

  let router: Router
  let access: AccessAPI
  let catalog: TrackCatalog
  let database: Database
  let store: LocalObjectStore
  /// Runs where a test lets it.
  let feed: EventFeed
  let configuration: ConnectionConfiguration
  let folder: String
  let limits: UploadLimits
  let resumable: ResumableUploads

  /// - Parameter other: another process of the same service, whose database this one uses.
  init(
    limits: UploadLimits = UploadLimits(), tokens users: String = TestAPI.tokens, streamLinks: Duration? = nil,
    sharing other: TestAPI? = nil
  ) async throws {
    self.limits = limits
    configuration = try other?.configuration ?? TestCluster.createDatabase()
    let migrations = URL(filePath: #filePath).appending(path: "../../../Migrations").standardizedFileURL.path
    _ = try Migrator(configuration).apply(try Migration.load(from: migrations))
    database = try Database(configuration)
    catalog = TrackCatalog(database)
    folder = FileManager.default.temporaryDirectory.appending(path: "api-\(UUID().uuidString)").path
    store = try LocalObjectStore(folder: folder)
    let tokens = OwnTokens(try TokenSigner(TokenTests.secret))
    let audit = AuditTrail(database: database)
    var authentication = try Authentication(tokens: users)
    authentication.verifier = TokenVerifier(issuers: [tokens.trusted])
    authentication.directory = AccessDirectory(database: database)
    authentication.audit = audit
    access = AccessAPI(directory: AccessDirectory(database: database), tokens: tokens, authentication: authentication)
    var router = Router()
    router.use { try await audit.around($0, $1) }
    var music = MusicAPI(
      catalog: catalog, store: store, authentication: authentication, tokens: tokens, limits: limits,
      storage: .local(Self.storageCredentials, publicURL: nil)
    )
    music.streamLinks = streamLinks
    music.addRoutes(to: &router)
    AssetAPI(
      catalog: catalog, authentication: authentication, tokens: tokens, storage: .local(Self.storageCredentials, publicURL: nil)
    ).addRoutes(to: &router)
    let acceptance = UploadAcceptance(catalog: catalog, store: store, limits: limits, wake: {})
    resumable = ResumableUploads(acceptance: acceptance, files: store)
    ResumableAPI(uploads: resumable, authentication: authentication, tokens: tokens).addRoutes(to: &router)
    access.addRoutes(to: &router)
    StorageRoutes(store: store, credentials: Self.storageCredentials).addRoutes(to: &router)
    feed = EventFeed(EventLog(database: database), pace: EventFeed.Pace(interval: .milliseconds(10), idleInterval: .milliseconds(10)))
    EventAPI(feed: feed, authentication: authentication, tokens: tokens).addRoutes(to: &router)
    WebhookAPI(
      catalog: WebhookCatalog(database), authentication: authentication, addresses: .publicOrLoopback, wake: {}
    ).addRoutes(to: &router)
    self.router = router
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// Every file the store holds, unfinished ones too.
  var files: [String] {
    let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return names.filter { !FileManager.default.isFolder("\(folder)/\($0)") }.sorted()
  }

  func send(
    _ method: HTTPMethod, _ target: String, as token: String? = "artist-token-0001", headers: HTTPHeaders = [:], body: [UInt8] = [],
    from address: String = "192.0.2.1"
  ) async throws -> Answer {
    var headers = headers
    if let token { headers["Authorization"] = "Bearer \(token)" }
    let request = try HTTPRequest(method: method, target: target, headers: headers, remoteAddress: address, body: RequestBody(body))
    return Answer(await router.respond(to: request))
  }

  func post(
    _ target: String, json: String, as token: String? = "admin-token-00001", from address: String = "192.0.2.1"
  ) async throws -> Answer {
    try await send(.post, target, as: token, headers: ["Content-Type": "application/json"], body: Array(json.utf8), from: address)
  }

  func upload(_ form: Form = Form(), key: String? = nil, as token: String? = "artist-token-0001") async throws -> Answer {
    var headers = form.headers
    headers["Idempotency-Key"] = key
    return try await send(.post, "/api/v1/uploads", as: token, headers: headers, body: form.body)
  }

  /// A track in REVIEWING with its files; its workflow takes signals.
  func reviewing() async throws -> TrackID {
    let answer = try await upload()
    let id = try #require(TrackID(answer.text("trackId") ?? ""))
    try await database.execute(
      script: """
        insert into orchestrator.runs (run_id, slot, namespace, workflow_id, workflow_type, started_at)
          select run_id, slot, namespace, workflow_id, 'PublishTrack', now() from orchestrator.inbox where kind = 1;
        delete from orchestrator.inbox where kind = 1;
        """)
    try await catalog.changeStatus(id, to: .processing, because: nil, by: "test", requestKey: "processing/\(id)")
    let track = try await catalog.track(id)
    var source = AudioSource(trackID: id, key: track.sourceKey, mediaType: track.mediaType, sizeBytes: track.sizeBytes)
    let final = try TrackKeys.original(id, as: .mpeg)
    try await store.move(ObjectKey(source.key), to: final)
    source.key = final.text
    try await store.put(Array("#EXTM3U\n".utf8), at: TrackKeys.transcoded(id).appending("master.m3u8"))
    try await store.put(Array(repeating: 7, count: 1000), at: TrackKeys.transcoded(id).appending("high_000.aac"))
    let probe = MediaProbe(
      durationMilliseconds: 30_000, decodedSamples: 1, bitRate: 128_000, format: "mp3", codec: "mp3", sampleRate: 44_100, channels: 2,
      tags: MediaTags())
    let streaming = StreamingOutput(masterKey: "transcoded-track/\(id)/master.m3u8", renditions: [])
    try await catalog.openReview(
      ProcessedTrack(audio: ProbedAudio(source: source, probe: probe), waveform: [], streaming: streaming), requestKey: "open/\(id)")
    return id
  }

  func published() async throws -> TrackID {
    let id = try await reviewing()
    try await catalog.changeStatus(id, to: .published, because: nil, by: "test", requestKey: "publish/\(id)")
    return id
  }
}

/// A response with its body at hand.
struct Answer {
  let response: HTTPResponse

  init(_ response: HTTPResponse) { self.response = response }

  var status: Int { response.status.rawValue }

  var bytes: [UInt8] {
    guard case .bytes(let bytes) = response.body else { return [] }
    return bytes
  }

  /// The bytes of a file that would be sent.
  var fileBytes: [UInt8]? {
    guard case .file(let region) = response.body, let data = FileManager.default.contents(atPath: region.path) else { return nil }
    let rest = data.dropFirst(Int(region.offset))
    return [UInt8](region.length.map { rest.prefix(Int($0)) } ?? rest)
  }

  var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any] ?? [:] }

  func text(_ name: String) -> String? { json[name] as? String }

  /// The last part of a problem's type, when the answer is one.
  var problem: String? {
    guard response.headers["Content-Type"] == "application/problem+json" else { return nil }
    return text("type").map { String($0.split(separator: ":").last ?? "") }
  }
}

/// A form with a file, as browsers send it.
struct Form {
  static let boundary = "test-boundary-7c2f"

  var file: [UInt8]? = Array("ID3 some song".utf8)
  var fileName = "My song.mp3"
  var fileType: String? = "audio/mpeg"
  var fields: [(String, String)] = [("title", "Blue"), ("language", "en"), ("tags", "pop, 90s")]
  var isCut = false

  var headers: HTTPHeaders { ["Content-Type": "multipart/form-data; boundary=\(Self.boundary)"] }

  var body: [UInt8] {
    var text: [UInt8] = []
    for (name, value) in fields {
      text += "--\(Self.boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8
    }
    if let file {
      text += "--\(Self.boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(fileName)\"\r\n".utf8
      if let fileType { text += "Content-Type: \(fileType)\r\n".utf8 }
      text += "\r\n".utf8 + file + "\r\n".utf8
    }
    return isCut ? text : text + "--\(Self.boundary)--\r\n".utf8
  }
}

extension FileManager {
  fileprivate func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }
}
