import Activities
import Foundation
import HTTP
import Workflows

/// The routes of assets and of the jobs that make their versions.
///
///     AssetAPI(catalog: catalog, authentication: .development, tokens: tokens).addRoutes(to: &router)
struct AssetAPI: Sendable {
  /// Long enough to begin with a file over a slow line; one that began goes on.
  private static let urlLifetime = Duration.minutes(15)

  let catalog: TrackCatalog
  let authentication: Authentication
  let tokens: OwnTokens
  /// How clients reach the files.
  let storage: StorageAccess
  let jobTypes: JobTypes
  /// Called after a commit that started or cancelled a workflow: its owner looks at once instead of at its next poll.
  let wake: @Sendable () -> Void

  init(
    catalog: TrackCatalog, authentication: Authentication, tokens: OwnTokens, jobTypes: JobTypes = JobTypes(),
    storage: StorageAccess? = nil, wake: @escaping @Sendable () -> Void = {}
  ) {
    self.catalog = catalog
    self.authentication = authentication
    self.tokens = tokens
    self.jobTypes = jobTypes
    self.wake = wake
    self.storage = storage ?? .local(.local(tokens.signer), publicURL: nil)
  }

  func addRoutes(to router: inout Router) {
    router.on(.get, "/api/v1/assets") { try await listAssets($0) }
    router.on(.get, "/api/v1/assets/{id}") { try await showAsset($0) }
    router.on(.get, "/api/v1/assets/{id}/versions") { try await listVersions($0) }
    router.on(.get, "/api/v1/assets/{id}/download") { try await giveDownload($0) }
    addJobRoutes(to: &router)
    addProcessorRoutes(to: &router)
  }

  /// `GET /api/v1/assets?limit=&cursor=`, newest first; artists see their own.
  private func listAssets(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let limit = try request.number("limit", in: 1...200, default: 50)
    let assets = try await catalog.seen(by: principal.viewer).assets(
      of: principal.seesAllTracks ? nil : principal.userID, after: request.timeCursor(), limit: limit)
    let next = assets.count == limit ? assets.last.map { TrackCursor(createdAt: $0.createdAt, id: $0.id).text } : nil
    return try .json(encoding: Page(items: assets.map(AssetDocument.init), nextCursor: next))
  }

  private func showAsset(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    return try .json(encoding: AssetDocument(try await visibleAsset(Self.assetID(request), to: principal)))
  }

  /// `GET /api/v1/assets/{id}/versions?limit=&cursor=`, oldest first.
  private func listVersions(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let asset = try await visibleAsset(Self.assetID(request), to: principal)
    let limit = try request.number("limit", in: 1...200, default: 50)
    let after = try request.number("cursor", in: 0...Int(Int32.max), default: 0)
    let versions = try await catalog.seen(by: principal.viewer).assetVersions(asset.id, after: Int32(after), limit: limit)
    let next = versions.count == limit ? versions.last.map { String($0.version) } : nil
    return try .json(encoding: Page(items: versions.map { AssetVersionDocument($0, of: asset.id) }, nextCursor: next))
  }

  /// `GET /api/v1/assets/{id}/download?version=&kind=`: a URL of a file of the latest or that version.
  private func giveDownload(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let asset = try await visibleAsset(Self.assetID(request), to: principal)
    guard asset.latestVersion > 0 else {
      throw CatalogError(.assetNotReady, "asset \(asset.id) is \(asset.status.rawValue) and has no version yet")
    }
    let number = try request.number("version", in: 1...Int(Int32.max), default: Int(asset.latestVersion))
    let version = try await catalog.seen(by: principal.viewer).assetVersion(asset.id, Int32(number))
    guard let file = version.file(request.queryValue("kind")) else {
      let kinds = version.files.map(\.kind).joined(separator: ", ")
      throw APIProblem(.notFound, "file-not-found", "Version \(number) has the kinds \(kinds): name one of them as \"kind\".")
    }
    let key = try ObjectKey(file.key)
    let name = "\(asset.id)-v\(version.version)-\(file.kind).\(key.text.split(separator: ".").last ?? "")"
    let read = try storage.bucket(for: request).download(key, fileName: name, from: SigningTime(Date()), lifetime: Self.urlLifetime)
    return try .json(
      encoding: DownloadDocument(
        url: read.url, expiresAt: Timestamp.text(read.expiresAt.seconds * 1_000_000), version: version.version, kind: file.kind,
        mediaType: file.mediaType, sizeBytes: file.sizeBytes))
  }

  /// - Throws: `APIProblem` 400.
  static func assetID(_ request: HTTPRequest) throws -> AssetID {
    guard let id = AssetID(request.parameters["id"] ?? "") else {
      throw APIProblem.invalid("invalid-id", "An asset is named by a UUID such as 3f2b8c1e-9d4a-4e6f-8a7b-0c1d2e3f4a5b.")
    }
    return id
  }

  /// The asset, if the user may see it; others' assets look as if they were not there. The database says so first, and this again.
  func visibleAsset(_ id: AssetID, to principal: Principal) async throws -> AssetRecord {
    let asset = try await catalog.seen(by: principal.viewer).asset(id)
    guard principal.seesAllTracks || asset.artistID == principal.userID else {
      throw CatalogError(.assetNotFound, "there is no asset \(id)")
    }
    return asset
  }
}
