import Foundation
import HTTP
import Orchestrator

/// Schedules: what the command line does, over HTTP.
extension OperatorAPI {
  func addScheduleRoutes(to router: inout Router) {
    let schedule = "/api/v1/schedules/{scheduleId}"
    router.on(.get, "/api/v1/schedules") { request in
      let client = try await authorized(request)
      return try .json(
        encoding: try await client.listSchedules(
          namespace: namespace(of: request), limit: try limit(of: request), cursor: request.queryValue("cursor")))
    }
    router.on(.post, "/api/v1/schedules") { try await createSchedule($0) }
    router.on(.get, schedule) { request in
      let response = try await described(request, by: try await authorized(request))
      return EntityTag.isKnown(response, to: request) ? HTTPResponse(.notModified, headers: response.headers) : response
    }
    router.on(.put, schedule) { try await updateSchedule($0) }
    router.on(.delete, schedule) { request in
      try await authorized(request).deleteSchedule(scheduleID(of: request), namespace: namespace(of: request))
      return HTTPResponse(.noContent)
    }
    router.on(.get, schedule + "/times") { try await scheduleTimes($0) }
    router.on(.post, schedule + "/pause") { request in
      try await annotate(request) { try await $0.pauseSchedule($1, note: $2, namespace: namespace(of: request)) }
    }
    router.on(.post, schedule + "/unpause") { request in
      try await annotate(request) { try await $0.unpauseSchedule($1, note: $2, namespace: namespace(of: request)) }
    }
    router.on(.post, schedule + "/trigger") { request in
      let client = try await authorized(request)
      let overlap = try await request.optionalJSON(TriggerRequest.self, upTo: 64 << 10)?.overlap ?? .allowAll
      try await client.triggerSchedule(scheduleID(of: request), overlap: overlap, namespace: namespace(of: request))
      return try await described(request, by: client, status: .accepted)
    }
    router.on(.post, schedule + "/backfill") { request in
      let client = try await authorized(request)
      let body = try await request.strictJSON(BackfillRequest.self, upTo: 64 << 10)
      try await client.backfillSchedule(
        scheduleID(of: request), from: body.from, through: body.through, overlap: body.overlap ?? .bufferAll,
        namespace: namespace(of: request))
      return try await described(request, by: client, status: .accepted)
    }
  }

  private func createSchedule(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let body = try await request.strictJSON(ScheduleRequest.self, upTo: Self.largestBody)
    guard let id = body.scheduleID, body.version == nil else {
      throw APIProblem(.unprocessableContent, "invalid-value", "A new schedule has a \"scheduleId\" and no \"version\".")
    }
    try await client.createSchedule(id, body.schedule, namespace: namespace(of: request))
    var response = try HTTPResponse.json(
      encoding: try await client.describeSchedule(id, namespace: namespace(of: request)), status: .created)
    response.headers["Location"] = "/api/v1/schedules/" + StartedDocument.encoded(id)
    return response
  }

  /// `PUT`: the whole schedule; with `version` only when nobody changed it since.
  private func updateSchedule(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let body = try await request.strictJSON(ScheduleRequest.self, upTo: Self.largestBody)
    let id = scheduleID(of: request)
    guard body.scheduleID ?? id == id else {
      throw APIProblem(.unprocessableContent, "invalid-value", "A schedule keeps its id: make another one and delete this.")
    }
    var schedule = body.schedule
    if schedule.action.workflowID.isEmpty { schedule.action.workflowID = id }
    var version = body.version
    if request.headers["If-Match"] != nil {
      let standing = try await client.describeSchedule(id, namespace: namespace(of: request)).version
      try EntityTag(revision: standing).requireMatch(of: request)
      version = version ?? standing
    }
    try await client.updateSchedule(id, to: schedule, ifVersion: version, namespace: namespace(of: request))
    return try await described(request, by: client)
  }

  /// `GET .../times?from=&through=&limit=`: from now on, for a year, unless said otherwise.
  private func scheduleTimes(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let now = RecordedTime(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
    let from = try time("from", of: request) ?? now
    let through = try time("through", of: request) ?? RecordedTime(microseconds: from.microseconds + 366 * 86_400_000_000)
    let times = try await client.previewTimes(
      scheduleID(of: request), from: from, through: through, limit: try limit(of: request, 10), namespace: namespace(of: request))
    return try .json(encoding: Page(items: times, nextCursor: nil))
  }

  private func annotate(
    _ request: HTTPRequest, _ action: (Client, String, _ note: String) async throws -> Void
  ) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let note = try await request.optionalJSON(NoteRequest.self, upTo: 64 << 10)?.note ?? ""
    try await action(client, scheduleID(of: request), note)
    return try await described(request, by: client)
  }

  private func described(_ request: HTTPRequest, by client: Client, status: HTTPStatus = .ok) async throws -> HTTPResponse {
    let schedule = try await client.describeSchedule(scheduleID(of: request), namespace: namespace(of: request))
    var response = try HTTPResponse.json(encoding: schedule, status: status)
    EntityTag(revision: schedule.version).mark(&response)
    return response
  }

  private func scheduleID(of request: HTTPRequest) -> String { request.parameters["scheduleId"] ?? "" }

  func time(_ name: String, of request: HTTPRequest) throws -> RecordedTime? {
    guard let text = request.queryValue(name) else { return nil }
    guard let time = RecordedTime(text) else {
      throw APIProblem.invalid("invalid-query", "\"\(name)\" must be a time such as 2026-01-31T12:00:00Z.")
    }
    return time
  }
}
