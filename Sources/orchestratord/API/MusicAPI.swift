import Activities
import HTTP
import Orchestrator
import Workflows

/// The routes of the music pipeline and what they stand on.
///
///     var router = Router()
///     MusicAPI(catalog: catalog, store: store, authentication: .development, tokens: tokens).addRoutes(to: &router)
struct MusicAPI: Sendable {
  let catalog: TrackCatalog
  let store: any ObjectStore
  let authentication: Authentication
  /// Makes and takes the tokens for events.
  let tokens: OwnTokens
  let limits: UploadLimits
  /// How clients reach the store.
  let storage: StorageAccess
  /// How long signed links to streams last; nil streams without them.
  var streamLinks: Duration?
  /// Called after a commit that started or signalled a workflow: its owner looks at once instead of at its next poll.
  let wake: @Sendable () -> Void
  let keysInFlight = KeysInFlight()

  init(
    catalog: TrackCatalog, store: any ObjectStore, authentication: Authentication, tokens: OwnTokens, limits: UploadLimits = UploadLimits(),
    storage: StorageAccess? = nil, wake: @escaping @Sendable () -> Void = {}
  ) {
    self.catalog = catalog
    self.store = store
    self.authentication = authentication
    self.tokens = tokens
    self.limits = limits
    self.storage = storage ?? .local(.local(tokens.signer), publicURL: nil)
    self.wake = wake
  }

  /// Takes what was uploaded, by whatever way it came.
  var acceptance: UploadAcceptance { UploadAcceptance(catalog: catalog, store: store, limits: limits, wake: wake) }

  func addRoutes(to router: inout Router) {
    router.on(.post, "/api/v1/uploads") { try await upload($0) }
    addDirectUploadRoutes(to: &router)
    router.on(.get, "/api/v1/tracks") { try await listTracks($0) }
    router.on(.get, "/api/v1/tracks/{id}") { try await showTrack($0) }
    router.on(.get, "/api/v1/tracks/{id}/events") { try await followTrack($0) }
    router.on(.post, "/api/v1/tracks/{id}/channel-token") { try await giveChannelToken($0) }
    router.on(.get, "/api/v1/tracks/{id}/audit") { try await showAudit($0) }
    router.on(.get, "/api/v1/tracks/{id}/audio") { try await previewTrack($0) }
    router.on(.get, "/api/v1/tracks/{id}/waveform") { try await showWaveform($0) }
    router.on(.post, "/api/v1/tracks/{id}/block") { try await moderateTrack($0, to: .blocked) }
    router.on(.post, "/api/v1/tracks/{id}/unblock") { try await moderateTrack($0, to: .published) }
    addNotificationRoutes(to: &router)
    addRevisionRoutes(to: &router)
    addReviewRoutes(to: &router)
    addPosterRoutes(to: &router)
    addStreamLinkRoutes(to: &router)
    router.on(.get, "/stream/{id}") { try await streamOriginal($0) }
    router.on(.get, "/stream/{id}/{file}") { try await streamFile($0) }
    for pattern in ["/stream/{id}", "/stream/{id}/{file}", "/stream/{id}/{token}/{file}"] {
      router.on(.options, pattern) { _ in streamPreflight }
    }
  }

  /// - Throws: `APIProblem` 400.
  func trackID(_ request: HTTPRequest) throws -> TrackID {
    guard let id = TrackID(request.parameters["id"] ?? "") else {
      throw APIProblem.invalid("invalid-id", "A track is named by a UUID such as 3f2b8c1e-9d4a-4e6f-8a7b-0c1d2e3f4a5b.")
    }
    return id
  }

  /// The track, if the user may see it; others' tracks look as if they were not there. The database says so first, and this again.
  func visibleTrack(_ request: HTTPRequest, to principal: Principal) async throws -> TrackRecord {
    let id = try trackID(request)
    let track = try await catalog.seen(by: principal.viewer).track(id)
    guard principal.seesAllTracks || track.artistID == principal.userID else {
      throw CatalogError(.trackNotFound, "there is no track \(id)")
    }
    return track
  }
}
