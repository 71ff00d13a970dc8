import Activities
import Foundation
import HTTP
import Workflows

/// The body of `POST /api/v1/uploads/request`.
struct DirectUploadRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable {
    case fileName, contentType, sizeBytes, title, language, tags, secondaryArtistIds, lyrics, method
  }

  let fileName: String?
  let contentType: String?
  let sizeBytes: Int64
  /// Nil leaves the choice to the size.
  let method: UploadMethod?
  private let texts: [(name: String, value: String)]

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    fileName = TrackTexts.fileName(try fields.decodeIfPresent(String.self, forKey: .fileName))
    contentType = try fields.decodeIfPresent(String.self, forKey: .contentType)
    sizeBytes = try fields.decode(Int64.self, forKey: .sizeBytes)
    method = try fields.decodeIfPresent(UploadMethod.self, forKey: .method)
    var texts: [(name: String, value: String)] = []
    for field in [Field.title, .language, .lyrics] {
      if let text = try fields.decodeIfPresent(String.self, forKey: field) { texts.append((field.rawValue, text)) }
    }
    for tag in try fields.decodeIfPresent([String].self, forKey: .tags) ?? [] { texts.append((Field.tags.rawValue, tag)) }
    for artist in try fields.decodeIfPresent([String].self, forKey: .secondaryArtistIds) ?? [] {
      texts.append((Field.secondaryArtistIds.rawValue, artist))
    }
    self.texts = texts
  }

  /// - Throws: `APIProblem` 422.
  func form() throws -> UploadForm { try UploadForm(texts) }
}

/// What to do with the file.
private struct UploadPlan: Encodable {
  let method: UploadMethod
  let uploadUrl: String
  var trackId: String?
  var objectKey: String?
  var httpMethod: String?
  /// To be sent exactly so.
  var headers: [String: String]?
  var expiresAt: String?
  var confirmUrl: String?
  var channelToken: String?
}

/// How many objects that a store told of became what.
private struct NotificationAnswer: Encodable {
  var accepted = 0
  /// Not ours, accepted before, gone, or not what was announced.
  var ignored = 0
}

extension MusicAPI {
  private var directUploads: DirectUploads { DirectUploads(catalog: catalog, store: store, acceptance: acceptance) }

  func addDirectUploadRoutes(to router: inout Router) {
    router.on(.post, "/api/v1/uploads/request") { try await requestUpload($0) }
    router.on(.post, "/api/v1/uploads/confirm/{id}") { try await confirmUpload($0) }
    router.on(.post, "/api/v1/uploads/notifications") { try await takeNotification($0) }
  }

  /// `POST /api/v1/uploads/request`: says how to send a file of this size, with a presigned URL when it goes straight to the store.
  private func requestUpload(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    try principal.require(.artist)
    let body = try await request.strictJSON(DirectUploadRequest.self, upTo: limits.formBytes)
    let (type, form) = (try MediaType(declared: body.contentType, fileName: body.fileName), try body.form())
    guard body.sizeBytes > 0 else { throw APIProblem.invalidField("sizeBytes", "must be the size of the file in bytes") }
    let method = body.method ?? UploadMethod(sizeBytes: body.sizeBytes)
    let most =
      switch method {
      case .form: Int64(limits.fileBytes)
      case .direct: min(Int64(limits.fileBytes), UploadMethod.mostDirect)
      case .resumable: Int64(limits.resumableBytes)
      }
    guard body.sizeBytes <= most else {
      throw APIProblem(
        .contentTooLarge, "upload-too-large", "The file is larger than the \(most) bytes that are accepted this way.",
        extensions: ["limitBytes": .number(Int(most))])
    }
    switch method {
    case .form: return try .json(encoding: UploadPlan(method: method, uploadUrl: "/api/v1/uploads", httpMethod: "POST"))
    case .resumable: return try .json(encoding: UploadPlan(method: method, uploadUrl: "/api/v1/uploads/resumable", httpMethod: "POST"))
    case .direct:
      let admission = UploadAdmission(catalog: catalog, limits: limits)
      return try await admission.admitting(principal.userID, bytes: UInt64(body.sizeBytes)) {
        try await direct(body, type, form, principal, storage.bucket(for: request))
      }
    }
  }

  private func direct(
    _ body: DirectUploadRequest, _ type: MediaType, _ form: UploadForm, _ principal: Principal, _ bucket: Bucket
  ) async throws -> HTTPResponse {
    let now = SigningTime(Date())
    let upload = try UploadRequest(
      id: TrackID(), artistID: principal.userID, fileName: body.fileName, type: type, sizeBytes: body.sizeBytes,
      form: String(decoding: JSONEncoder().encode(form), as: UTF8.self),
      expiresAt: SigningTime(seconds: now.seconds + limits.urlLifetime.components.seconds))
    guard try await catalog.add(upload, limit: limits.openRequests) else {
      throw APIProblem(
        .tooManyRequests, "too-many-uploads", "\(limits.openRequests) of your uploads were announced and not sent. Send them, or wait.",
        headers: ["Retry-After": "\(limits.urlLifetime.components.seconds)"])
    }
    let presigned = bucket.upload(
      upload.key, contentType: type.rawValue, sizeBytes: body.sizeBytes, from: now, lifetime: limits.urlLifetime)
    var plan = UploadPlan(method: .direct, uploadUrl: presigned.url)
    plan.trackId = upload.id.description
    plan.objectKey = upload.key.text
    plan.httpMethod = presigned.method.rawValue
    plan.headers = Dictionary(presigned.headers.fields.map { ($0.name, $0.value) }) { first, _ in first }
    plan.expiresAt = Timestamp.text(presigned.expiresAt.seconds * 1_000_000)
    plan.confirmUrl = "/api/v1/uploads/confirm/\(upload.id)"
    plan.channelToken = try tokens.channel(for: upload.id.description, of: principal.userID)
    return try .json(encoding: plan, status: .created)
  }

  /// `POST /api/v1/uploads/confirm/{id}`: the file is stored; looks, and starts its workflow. Asked again it gives the same answer.
  private func confirmUpload(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    try principal.require(.artist)
    let id = try trackID(request)
    guard let upload = try await catalog.seen(by: principal.viewer).uploadRequest(id), upload.artistID == principal.userID else {
      throw APIProblem(.notFound, "upload-not-found", "There is no upload \(id) that was asked for lately.")
    }
    return try await directUploads.take(upload).response(to: principal, tokens)
  }

  /// `POST /api/v1/uploads/notifications`: the store tells of new objects. What cannot be done now is asked for again by 503.
  private func takeNotification(_ request: HTTPRequest) async throws -> HTTPResponse {
    try await authentication.principal(of: request).require(.service)
    var answer = NotificationAnswer()
    for record in try await request.storeNotification().records {
      guard record.tellsOfNewObject, let key = record.key, let upload = try await catalog.uploadRequest(at: key) else {
        answer.ignored += 1
        continue
      }
      do {
        let accepted = try await directUploads.take(upload)
        if accepted.isRepeated { answer.ignored += 1 } else { answer.accepted += 1 }
      } catch let refusal as any HTTPResponseConvertible where refusal.response.status.rawValue < 500 {
        answer.ignored += 1
      }
    }
    return try .json(encoding: answer)
  }
}

extension HTTPRequest {
  /// - Throws: 413, or `APIProblem` 400 for what is no event message.
  fileprivate func storeNotification() async throws -> StoreNotification {
    let bytes = try await body.collect(upTo: StoreNotification.largestBody)
    try JSONLimits().check(bytes)
    guard let notification = try? JSONDecoder().decode(StoreNotification.self, from: Data(bytes)),
      notification.records.count <= StoreNotification.mostRecords
    else {
      throw APIProblem.invalid("invalid-json", "The body is no event message of S3 with at most \(StoreNotification.mostRecords) records.")
    }
    return notification
  }
}
