import Activities
import Foundation
import HTTP
import Orchestrator
import PostgreSQL
import Workflows

/// One running process of the product: the parts that its command asks for, put together in one place.
final class Service: Sendable {
  /// Which parts run.
  struct Parts: Sendable {
    var ownsSlots = true
    var servesHTTP = true
    var worksOnQueues = false
  }

  let engine: Engine?
  let server: HTTPServer?
  private let worker: ActivityWorker?
  private let database: Database
  private let lyricsService: HTTPServer?
  private let upkeep: PipelineUpkeep
  /// Nil where nobody can follow.
  private let feed: EventFeed?
  private let uploads: ResumableUploads

  /// Puts the parts together; nothing runs yet but the listening sockets.
  init(_ configuration: Configuration, _ connection: ConnectionConfiguration, _ parts: Parts) async throws {
    database = try Database(connection, maximumConnections: 16)
    let catalog = TrackCatalog(database)
    let dataFolder = ConfiguredDatabase.absolute(configuration.dataFolder)
    let scratch = dataFolder + "/scratch"
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    let client = HTTPClient()
    let store = try configuration.storage.makeStore(
      folder: configuration.storeFolder.map(ConfiguredDatabase.absolute) ?? dataFolder + "/store", scratchFolder: dataFolder + "/written",
      client)
    upkeep = PipelineUpkeep(store: store, catalog: catalog)
    let directory = AccessDirectory(database: database)
    let jobTypes = try await Self.jobTypes(configuration, client, directory)
    let (provider, standIn) = try Self.lyricsProvider(configuration, client)
    lyricsService = standIn
    var registry = KnownWorkflows.registry
    if let file = configuration.traceFile {
      let tracing = Tracing(try JSONLinesExporter(file: file))
      registry.intercept(clients: tracing)
      registry.intercept(workflows: tracing)
      registry.intercept(activities: tracing)
    }
    let work = WorkMetrics()
    let feed = parts.servesHTTP ? EventFeed(EventLog(database: database)) : nil
    self.feed = feed
    registry.intercept(workflows: work)
    registry.intercept(activities: work)
    PipelineActivities(
      catalog: catalog, store: store, lyrics: provider, scratchFolder: scratch, jobTypes: jobTypes,
      scanner: configuration.clamd.map { ClamdScanner($0) }
    ).implement(in: &registry)
    WebhookDelivery(catalog: WebhookCatalog(database), client: client, addresses: configuration.webhookAddresses).implement(in: &registry)
    engine = parts.ownsSlots ? try Self.makeEngine(configuration, connection, registry, runsActivities: !parts.worksOnQueues) : nil
    var limits = configuration.uploads
    limits.urlLifetime = configuration.storage.urlLifetime
    limits.reviewClaim = .seconds(configuration.reviewClaimMinutes * 60)
    limits.profanity = configuration.profanity
    let acceptance = UploadAcceptance(catalog: catalog, store: store, limits: limits) { [engine] in engine?.client.wake() }
    // A bucket's objects do not grow: parts come to a folder first.
    let files: any AppendableStore =
      if let own = store as? any AppendableStore { own } else { try LocalObjectStore(folder: dataFolder + "/parts") }
    uploads = ResumableUploads(acceptance: acceptance, files: files, isSpool: !(store is any AppendableStore))
    worker = parts.worksOnQueues ? try Self.makeWorker(configuration, connection, registry) : nil
    server =
      parts.servesHTTP
      ? try Self.makeServer(
        configuration, engine?.client ?? Client(database, registry, identity: "api", codec: configuration.codec), catalog, store, database,
        try await Self.access(configuration, client, directory), work, feed, uploads, jobTypes)
      : nil
  }

  private static func makeEngine(
    _ configuration: Configuration, _ connection: ConnectionConfiguration, _ registry: Registry, runsActivities: Bool
  ) throws -> Engine {
    var settings = EngineConfiguration(database: connection, build: Configuration.build)
    settings.cachedRuns = configuration.cachedRuns
    settings.lease = configuration.lease
    settings.retention = configuration.retention
    settings.localTaskQueues = runsActivities ? configuration.taskQueues : [:]
    settings.codec = configuration.codec
    return try Engine(settings, registry)
  }

  private static func makeWorker(
    _ configuration: Configuration, _ connection: ConnectionConfiguration, _ registry: Registry
  ) throws -> ActivityWorker {
    var settings = ActivityWorkerConfiguration(database: connection, taskQueues: configuration.taskQueues)
    settings.lease = configuration.lease
    settings.codec = configuration.codec
    settings.build = Configuration.build
    return try ActivityWorker(settings, registry)
  }

  private static func tokens(_ configuration: Configuration, _ directory: AccessDirectory) async throws -> OwnTokens {
    let key = if let tokenKey = configuration.tokenKey { tokenKey } else { try await directory.tokenKey() }
    return OwnTokens(try TokenSigner(key))
  }

  /// What is done here, and by the external processors of the configuration.
  private static func jobTypes(
    _ configuration: Configuration, _ client: HTTPClient, _ directory: AccessDirectory
  ) async throws -> JobTypes {
    guard let settings = configuration.processors else { return JobTypes() }
    let tokens = try await tokens(configuration, directory)
    let bucket = try configuration.storage.bucket ?? Bucket(StorageRoutes.bucket, at: settings.publicURL, .local(tokens.signer))
    let addresses = ProcessorAddresses(tokens: tokens, bucket: bucket, publicURL: settings.publicURL)
    return JobTypes(processors: settings.processors, links: addresses.links, client: client)
  }

  /// Who is let in; the development tokens only where nothing else is configured.
  private static func access(
    _ configuration: Configuration, _ client: HTTPClient, _ directory: AccessDirectory
  ) async throws -> AccessAPI {
    var authentication: Authentication =
      if let tokens = configuration.accessTokens { try Authentication(tokens: tokens) } else {
        configuration.isOpenDevelopment ? .development : .closed
      }
    let tokens = try await Self.tokens(configuration, directory)
    authentication.verifier = TokenVerifier(issuers: [tokens.trusted] + [configuration.tokenIssuer].compactMap { $0?.trusted(client) })
    authentication.directory = directory
    authentication.audit = AuditTrail(database: directory.database, proxies: configuration.trustedProxies)
    return AccessAPI(directory: directory, tokens: tokens, authentication: authentication, proxies: configuration.trustedProxies)
  }

  private static func makeServer(
    _ configuration: Configuration, _ client: Client, _ catalog: TrackCatalog, _ store: any ObjectStore, _ database: Database,
    _ access: AccessAPI, _ work: WorkMetrics, _ feed: EventFeed?, _ uploads: ResumableUploads, _ jobTypes: JobTypes
  ) throws -> HTTPServer {
    var settings = HTTPServerConfiguration()
    settings.address = configuration.address
    settings.port = configuration.port
    settings.connectionLimit = UInt32(configuration.connections)
    settings.connectionLimitPerAddress = UInt32(configuration.connectionsPerAddress)
    return try HTTPServer(
      settings, router: router(configuration, client, catalog, store, database, access, work, feed, uploads, jobTypes))
  }

  /// Every route of the service, and what stands around them.
  static func router(
    _ configuration: Configuration, _ client: Client, _ catalog: TrackCatalog, _ store: any ObjectStore, _ database: Database,
    _ access: AccessAPI, _ work: WorkMetrics, _ feed: EventFeed?, _ uploads: ResumableUploads, _ jobTypes: JobTypes = JobTypes()
  ) -> Router {
    let authentication = access.authentication
    var router = Router()
    let requests = RequestMetrics()
    router.use { try await requests.around($0, $1) }
    router.use { try await RequestIdentifier.around($0, $1) }
    router.use { try await SecurityHeaders.around($0, $1) }
    if let crossOrigin = configuration.crossOrigin { router.use { try await crossOrigin.around($0, $1) } }
    router.use { try await ResponseCompression.around($0, $1) }
    router.use { request, next in
      let context = TraceContext(traceparent: request.headers["traceparent"], tracestate: request.headers["tracestate"])
      return try await TraceContext.$current.withValue(context) { try await next(request) }
    }
    if configuration.requestLimit > 0 {
      let limit = RequestLimit(configuration.requestLimit, proxies: access.proxies)
      router.use { try await limit.around($0, $1) }
    }
    router.use { try await PageLinks.around($0, $1) }
    if let audit = authentication.audit { router.use { try await audit.around($0, $1) } }
    let idempotent = IdempotentRequests(database: database, authentication: authentication)
    router.use { try await idempotent.around($0, $1) }
    var music = MusicAPI(
      catalog: catalog, store: store, authentication: authentication, tokens: access.tokens, limits: uploads.acceptance.limits,
      storage: configuration.storage.access(access.tokens), wake: { client.wake() }
    )
    music.streamLinks = configuration.streamLinkMinutes.map { .seconds($0 * 60) }
    music.addRoutes(to: &router)
    if case .local(let credentials, _) = configuration.storage.access(access.tokens) {
      StorageRoutes(store: store, credentials: credentials).addRoutes(to: &router)
    }
    AssetAPI(
      catalog: catalog, authentication: authentication, tokens: access.tokens, jobTypes: jobTypes,
      storage: configuration.storage.access(access.tokens), wake: { client.wake() }
    ).addRoutes(to: &router)
    ResumableAPI(uploads: uploads, authentication: authentication, tokens: access.tokens).addRoutes(to: &router)
    access.addRoutes(to: &router)
    if let feed { EventAPI(feed: feed, authentication: authentication, tokens: access.tokens).addRoutes(to: &router) }
    WebhookAPI(
      catalog: WebhookCatalog(database), authentication: authentication, addresses: configuration.webhookAddresses, wake: { client.wake() }
    ).addRoutes(to: &router)
    OperatorAPI(client: client, authentication: authentication).addRoutes(to: &router)
    TaskAPI(tasks: RemoteTasks(client), authentication: authentication).addRoutes(to: &router)
    HealthRoutes(database: database).addRoutes(to: &router)
    MetricsRoutes(database: database, authentication: authentication, requests: requests, work: work).addRoutes(to: &router)
    ContractRoutes().addRoutes(to: &router)
    return router
  }

  /// The configured service, or the stand-in: a real HTTP service on a port of its own that listens to the audio.
  private static func lyricsProvider(
    _ configuration: Configuration, _ client: HTTPClient
  ) throws -> (any LyricsProvider, HTTPServer?) {
    if let url = configuration.lyricsURL, let key = configuration.lyricsKey {
      let settings = try GeminiProvider.Configuration(baseURL: url, model: configuration.lyricsModel, apiKey: key)
      return (GeminiProvider(settings, client: client), nil)
    }
    let key = UUID().uuidString
    let server = try OfflineLyricsService(OfflineLyricsService.Configuration(apiKey: key), client: client).start()
    let settings = try GeminiProvider.Configuration(
      baseURL: "http://127.0.0.1:\(server.port)", model: configuration.lyricsModel, apiKey: key)
    return (GeminiProvider(settings, client: client), server)
  }

  /// Runs until the task is cancelled, then stops in good order: no new requests, open ones end, slots are handed over, activities drain.
  func run() async {
    engine?.start()
    let caring = Task { try? await upkeep.run() }
    let looking = Task { try? await uploads.run() }
    let working = Task { await worker?.run() }
    let following = Task { await feed?.run() }
    await Never.untilCancelled()
    caring.cancel()
    looking.cancel()
    await server?.drain(within: .seconds(5))
    following.cancel()
    worker?.stop()
    await working.value
    await engine?.shutdown()
    await lyricsService?.drain(within: .seconds(1))
    await database.shutdown()
  }
}

extension Never {
  /// Waits for the cancellation of the task.
  static func untilCancelled() async {
    let (stream, continuation) = AsyncStream<Never>.makeStream()
    defer { continuation.finish() }
    for await _ in stream {}
  }
}
