import Activities
import HTTP
import Orchestrator
import Workflows

// Jobs: asked for, watched, stopped, done again.
extension AssetAPI {
  private static let lookInterval = Duration.milliseconds(400)

  func addJobRoutes(to router: inout Router) {
    router.on(.post, "/api/v1/jobs") { try await submitJob($0) }
    router.on(.get, "/api/v1/jobs") { try await listJobs($0) }
    router.on(.get, "/api/v1/jobs/{id}") { request in
      let principal = try await authentication.principal(of: request)
      return try .json(encoding: JobDocument(try await visibleJob(request, to: principal)))
    }
    router.on(.get, "/api/v1/jobs/{id}/events") { try await followJob($0) }
    router.on(.post, "/api/v1/jobs/{id}/cancel") { try await change($0) { try await catalog.cancel($0, by: $1) } }
    router.on(.post, "/api/v1/jobs/{id}/retry") { try await change($0) { try await catalog.retry($0, by: $1) } }
  }

  /// `POST /api/v1/jobs`: durable when answered.
  private func submitJob(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, .artist, .admin, .operator)
    let key = try IdempotencyKey(of: request)
    let body = try await request.strictJSON(JobRequest.self, upTo: JobRequest.largestBody)
    let job = try body.job(by: principal.userID, jobTypes, key: key)
    _ = try await visibleAsset(job.assetID, to: principal)
    switch try await catalog.submit(job) {
    case .accepted:
      wake()
      return try await accepted(job.id)
    case .repeated(let id):
      var response = try await accepted(id)
      response.headers["Idempotent-Replayed"] = "true"
      return response
    case .keyReused:
      throw APIProblem(
        .unprocessableContent, "idempotency-key-reused", "This Idempotency-Key was used for another job. Use a new key for a new job.")
    }
  }

  /// `GET /api/v1/jobs?assetId=&status=&limit=&cursor=`, newest first; artists see those of their own assets.
  private func listJobs(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let asset = try request.queryValue("assetId").map { text in
      guard let id = AssetID(text) else { throw APIProblem.invalid("invalid-query", "\"assetId\" must be a UUID.") }
      return id
    }
    let status = try request.queryValue("status").map { text in
      guard let status = JobStatus(rawValue: text) else {
        let known = JobStatus.allCases.map(\.rawValue).joined(separator: ", ")
        throw APIProblem.invalid("invalid-query", "\"status\" must be one of \(known).")
      }
      return status
    }
    let limit = try request.number("limit", in: 1...200, default: 50)
    let jobs = try await catalog.seen(by: principal.viewer).jobs(of: asset, status: status, after: request.timeCursor(), limit: limit)
    let next = jobs.count == limit ? jobs.last.map { TrackCursor(createdAt: $0.createdAt, id: TrackID($0.id.uuid)).text } : nil
    return try .json(encoding: Page(items: jobs.map(JobDocument.init), nextCursor: next))
  }

  /// `GET /api/v1/jobs/{id}/events`: the job's document as an event at every change, until its end. Events are named progress, done and error.
  private func followJob(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (id, catalog) = try await followedJob(request)
    return .serverSentEvents { writer in
      var last = ""
      var number = 0
      while true {
        let job = try await catalog.job(id)
        let text = try PayloadCodec.encode(JobDocument(job)).text
        if text != last {
          last = text
          number += 1
          try await writer.send(ServerSentEvent(id: String(number), event: Self.eventName(job.status), data: text))
        }
        if job.status.isEnd { return }
        try await Task.sleep(for: Self.lookInterval)
      }
    }
  }

  /// A job that the user may see, or one of the asset that a `channelToken` of the query is for.
  private func followedJob(_ request: HTTPRequest) async throws -> (JobID, TrackCatalog) {
    guard let token = request.queryValue("channelToken") else {
      let principal = try await authentication.principal(of: request)
      return (try await visibleJob(request, to: principal).id, catalog.seen(by: principal.viewer))
    }
    let job = try await catalog.job(Self.jobID(request))
    do {
      let user = try await tokens.user(ofChannel: token, for: job.assetID.description)
      return (job.id, catalog.seen(by: CatalogViewer(userID: user, track: job.assetID)))
    } catch let error as TokenError {
      throw Authentication.refusal("The channel token is not taken: \(error).")
    }
  }

  private static func eventName(_ status: JobStatus) -> String {
    switch status {
    case .pending, .processing: "progress"
    case .completed: "done"
    case .failed, .cancelled: "error"
    }
  }

  /// `POST /api/v1/jobs/{id}/cancel` and `.../retry`, with `{"reason": "..."}` or without a body.
  private func change(
    _ request: HTTPRequest, _ action: (_ id: JobID, _ user: String) async throws -> Void
  ) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, .artist, .admin, .operator)
    let job = try await visibleJob(request, to: principal)
    _ = try await request.optionalJSON(ModerationRequest.self, upTo: 16 << 10)
    try await action(job.id, principal.userID)
    wake()
    return try await accepted(job.id)
  }

  private func accepted(_ id: JobID) async throws -> HTTPResponse {
    let document = JobDocument(try await catalog.job(id))
    var response = try HTTPResponse.json(encoding: document, status: .accepted)
    response.headers["Location"] = document.url
    return response
  }

  static func jobID(_ request: HTTPRequest) throws -> JobID {
    guard let id = JobID(request.parameters["id"] ?? "") else {
      throw APIProblem.invalid("invalid-id", "A job is named by a UUID such as 3f2b8c1e-9d4a-4e6f-8a7b-0c1d2e3f4a5b.")
    }
    return id
  }

  /// The job, if the user may see its asset.
  private func visibleJob(_ request: HTTPRequest, to principal: Principal) async throws -> JobRecord {
    let job = try await catalog.seen(by: principal.viewer).job(Self.jobID(request))
    do {
      _ = try await visibleAsset(job.assetID, to: principal)
    } catch let error as CatalogError where error.code == .assetNotFound {
      throw CatalogError(.jobNotFound, "there is no job \(job.id)")
    }
    return job
  }
}
