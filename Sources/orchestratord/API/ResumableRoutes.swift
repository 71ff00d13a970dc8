import Activities
import Foundation
import HTTP
import Workflows

/// Uploads in parts by tus 1.0.0 (https://tus.io/protocols/resumable-upload).
///
///     ResumableAPI(uploads: uploads, authentication: authentication, tokens: tokens).addRoutes(to: &router)
struct ResumableAPI: Sendable {
  let uploads: ResumableUploads
  let authentication: Authentication
  let tokens: OwnTokens

  private var limits: UploadLimits { uploads.acceptance.limits }

  func addRoutes(to router: inout Router) {
    router.on(.options, "/api/v1/uploads/resumable") { _ in capabilities(allow: "OPTIONS, POST") }
    router.on(.options, "/api/v1/uploads/resumable/{id}") { _ in capabilities(allow: "DELETE, GET, HEAD, OPTIONS, PATCH") }
    router.on(.post, "/api/v1/uploads/resumable") { request in try await speaking { try await begin(request) } }
    router.on(.head, "/api/v1/uploads/resumable/{id}") { request in try await speaking { try await tellOffset(request) } }
    router.on(.get, "/api/v1/uploads/resumable/{id}") { request in try await speaking { try await show(request) } }
    router.on(.patch, "/api/v1/uploads/resumable/{id}") { request in try await speaking { try await append(request) } }
    router.on(.delete, "/api/v1/uploads/resumable/{id}") { request in try await speaking { try await remove(request) } }
  }

  private func capabilities(allow: String) -> HTTPResponse {
    HTTPResponse(
      .noContent,
      headers: [
        "Allow": allow, "Tus-Resumable": Tus.version, "Tus-Version": Tus.version, "Tus-Extension": Tus.extensions,
        "Tus-Max-Size": String(limits.resumableBytes), "Tus-Checksum-Algorithm": UploadChecksum.algorithms,
      ])
  }

  /// Every answer names the version and is kept by no cache, refusals too.
  private func speaking(_ body: () async throws -> HTTPResponse) async throws -> HTTPResponse {
    var response: HTTPResponse
    do { response = try await body() } catch let error as any HTTPResponseConvertible { response = error.response }
    response.headers["Tus-Resumable"] = Tus.version
    response.headers["Cache-Control"] = "no-store"
    return response
  }

  /// `POST`: creation, and creation with the first bytes.
  private func begin(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    try principal.require(.artist)
    try Tus.requireVersion(request)
    let key = try IdempotencyKey(of: request)
    let length = try Tus.number("Upload-Length", of: request)
    let metadata = try UploadMetadata(request.headers.values("Upload-Metadata"))
    let hasPart = Tus.carriesPart(request)
    guard hasPart || request.body.declaredLength ?? 0 == 0 else { throw Self.wrongContentType }
    let admission = UploadAdmission(catalog: uploads.acceptance.catalog, limits: limits)
    return try await admission.admitting(principal.userID, bytes: nil) {
      let id = try await uploads.begin(metadata, length: length, of: principal.userID, key: key)
      var upload = try await uploads.upload(id, of: principal.viewer)
      if hasPart, upload.offsetBytes == 0 {
        let checksum = try UploadChecksum(of: request)
        upload = try await uploads.append(request.body, to: id, at: 0, checksum: checksum)
      }
      var response = try HTTPResponse.json(encoding: try document(upload, principal), status: .created)
      response.headers["Location"] = ResumableDocument.url(id)
      standing(upload, &response)
      return response
    }
  }

  /// `HEAD`: where to continue.
  private func tellOffset(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, upload) = try await owned(request)
    try Tus.requireVersion(request)
    var response = HTTPResponse(.ok)
    standing(upload, &response)
    response.headers["Upload-Length"] = String(upload.lengthBytes)
    if !upload.metadata.isEmpty { response.headers["Upload-Metadata"] = upload.metadata }
    return response
  }

  /// `GET`: the same for people, without the protocol.
  private func show(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (principal, upload) = try await owned(request)
    return try .json(encoding: try document(upload, principal))
  }

  /// `PATCH`: more bytes.
  private func append(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, upload) = try await owned(request)
    try Tus.requireVersion(request)
    guard Tus.carriesPart(request) else { throw Self.wrongContentType }
    let offset = try Tus.number("Upload-Offset", of: request)
    let checksum = try UploadChecksum(of: request)
    let moved = try await uploads.append(request.body, to: upload.id, at: offset, checksum: checksum)
    var response = HTTPResponse(.noContent)
    standing(moved, &response)
    return response
  }

  /// `DELETE`: termination.
  private func remove(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, upload) = try await owned(request)
    try Tus.requireVersion(request)
    try await uploads.remove(upload)
    return HTTPResponse(.noContent)
  }

  private static let wrongContentType = APIProblem(
    .unsupportedMediaType, "upload-content-type", "Parts of a file are sent as \(Tus.contentType).")

  /// The upload of the path; to all but its owner there is none.
  private func owned(_ request: HTTPRequest) async throws -> (Principal, ResumableUploadRecord) {
    let principal = try await authentication.principal(of: request)
    try principal.require(.artist)
    guard let id = TrackID(request.parameters["id"] ?? "") else { throw ResumableUploads.notFound }
    return (principal, try await uploads.upload(id, of: principal.viewer))
  }

  private func document(_ upload: ResumableUploadRecord, _ principal: Principal) throws -> ResumableDocument {
    ResumableDocument(upload, channelToken: try tokens.channel(for: upload.id.description, of: principal.userID))
  }

  /// How the upload stands, in headers.
  private func standing(_ upload: ResumableUploadRecord, _ response: inout HTTPResponse) {
    response.headers["Upload-Offset"] = String(upload.offsetBytes)
    if upload.isAccepted {
      response.headers["Track-Id"] = upload.id.description
      response.headers["Track-Status-Url"] = UploadAnswer.statusURL(upload.id)
    } else {
      let end = Date(timeIntervalSince1970: (Double(upload.expiresAt) / 1_000_000).rounded(.down))
      response.headers["Upload-Expires"] = HTTPDate.format(end)
    }
  }
}

/// An upload in parts, for people and programs.
private struct ResumableDocument: Encodable {
  let uploadId: String
  let uploadUrl: String
  let offset: Int64
  let length: Int64
  /// Nil once it is a track.
  let expiresAt: String?
  let trackId: String
  /// Nil while bytes are missing: there is no track yet.
  let statusUrl: String?
  let channelToken: String

  init(_ upload: ResumableUploadRecord, channelToken: String) {
    uploadId = upload.id.description
    uploadUrl = Self.url(upload.id)
    offset = upload.offsetBytes
    length = upload.lengthBytes
    expiresAt = upload.isAccepted ? nil : Timestamp.text(upload.expiresAt)
    trackId = upload.id.description
    statusUrl = upload.isAccepted ? UploadAnswer.statusURL(upload.id) : nil
    self.channelToken = channelToken
  }

  static func url(_ id: TrackID) -> String { "/api/v1/uploads/resumable/\(id)" }
}
