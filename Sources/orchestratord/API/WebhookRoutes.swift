import Activities
import Cryptography
import Foundation
import HTTP

/// Endpoints of webhooks and what became of their deliveries. Everybody sees and changes the own only.
struct WebhookAPI: Sendable {
  let catalog: WebhookCatalog
  let authentication: Authentication
  /// Where webhooks may be sent.
  let addresses: AddressPolicy
  /// Called after a commit that started a workflow.
  let wake: @Sendable () -> Void

  private static let roles: [Role] = [.artist, .service, .operator, .admin]
  /// Who may have the events of all users.
  private static let staff: [Role] = [.service, .operator, .admin]
  private static let largestBody = 16 << 10

  func addRoutes(to router: inout Router) {
    router.on(.post, "/api/v1/webhook-endpoints") { try await addEndpoint($0) }
    router.on(.get, "/api/v1/webhook-endpoints") { try await listEndpoints($0) }
    router.on(.get, "/api/v1/webhook-endpoints/{id}") { request in
      try .json(encoding: WebhookEndpointDocument(try await endpoint(request).record))
    }
    router.on(.put, "/api/v1/webhook-endpoints/{id}") { try await changeEndpoint($0) }
    router.on(.delete, "/api/v1/webhook-endpoints/{id}") { try await removeEndpoint($0) }
    router.on(.post, "/api/v1/webhook-endpoints/{id}/rotate-secret") { try await rotateSecret($0) }
    router.on(.post, "/api/v1/webhook-endpoints/{id}/test") { try await sendTest($0) }
    router.on(.post, "/api/v1/webhook-endpoints/{id}/replay") { try await replayFailed($0) }
    router.on(.get, "/api/v1/webhook-endpoints/{id}/deliveries") { try await listDeliveries($0) }
    router.on(.get, "/api/v1/webhook-deliveries/{id}") { request in
      try .json(encoding: WebhookDeliveryDocument(try await delivery(request).record))
    }
    router.on(.post, "/api/v1/webhook-deliveries/{id}/replay") { try await replay($0) }
  }

  /// `POST /api/v1/webhook-endpoints`: the secret is told this once.
  private func addEndpoint(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, Self.roles)
    let body = try await request.strictJSON(WebhookEndpointRequest.self, upTo: Self.largestBody)
    guard body.enabled ?? true else { throw APIProblem.invalidField("enabled", "is true for a new endpoint") }
    let settings = try body.settings(addresses)
    let seesAll = body.allUsers ?? false
    if seesAll { try principal.require(Self.staff) }
    let secret = WebhookSecret.random()
    guard let record = try await catalog.addEndpoint(settings, of: principal.userID, seesAll: seesAll, secret: secret) else {
      throw APIProblem(
        .conflict, "too-many-endpoints", "A user has at most \(WebhookCatalog.endpointsPerUser) endpoints. Remove one that is not needed.")
    }
    var response = try HTTPResponse.json(encoding: WebhookEndpointDocument(record, secret: secret), status: .created)
    response.headers["Location"] = "/api/v1/webhook-endpoints/\(record.id.uuidString.lowercased())"
    return response
  }

  private func listEndpoints(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, Self.roles)
    let records = try await catalog.endpoints(of: principal.userID)
    return try .json(encoding: Page(items: records.map { WebhookEndpointDocument($0) }, nextCursor: nil))
  }

  private func changeEndpoint(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (principal, known) = try await endpoint(request)
    let body = try await request.strictJSON(WebhookEndpointRequest.self, upTo: Self.largestBody)
    // Who made it for the events of all users may have lost that right since.
    if known.seesAll { try principal.require(Self.staff) }
    guard body.allUsers ?? known.seesAll == known.seesAll else {
      throw APIProblem.invalidField("allUsers", "cannot be changed: make another endpoint")
    }
    let changed = try await catalog.changeEndpoint(
      known.id, of: principal.userID, try body.settings(addresses), isEnabled: body.enabled ?? (known.disabledAt == nil))
    return try .json(encoding: WebhookEndpointDocument(try found(changed)))
  }

  private func removeEndpoint(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (principal, known) = try await endpoint(request)
    guard try await catalog.removeEndpoint(known.id, of: principal.userID) else { throw Self.noEndpoint }
    return HTTPResponse(.noContent)
  }

  /// `POST /api/v1/webhook-endpoints/{id}/rotate-secret`: for a day the one before signs too.
  private func rotateSecret(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (principal, known) = try await endpoint(request)
    let secret = WebhookSecret.random()
    let changed = try await catalog.rotateSecret(known.id, of: principal.userID, to: secret)
    return try .json(encoding: WebhookEndpointDocument(try found(changed), secret: secret))
  }

  private func sendTest(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (principal, known) = try await endpoint(request)
    let id = try await catalog.sendTest(to: known.id)
    wake()
    return try accepted(try await catalog.delivery(id, seenBy: principal.userID))
  }

  /// `GET /api/v1/webhook-endpoints/{id}/deliveries?status=&limit=&cursor=`, newest first.
  private func listDeliveries(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (principal, known) = try await endpoint(request)
    let status = try request.queryValue("status").map { text in
      guard let status = WebhookDeliveryRecord.Status(rawValue: text.uppercased()) else {
        throw APIProblem.invalid("invalid-query", "\"status\" must be PENDING, DELIVERED or FAILED.")
      }
      return status
    }
    let limit = try request.number("limit", in: 1...200, default: 50)
    let records = try await catalog.deliveries(
      of: known.id, seenBy: principal.userID, status: status, before: try request.numberedCursor(), limit: limit)
    let next = records.count == limit ? records.last.map { String($0.number) } : nil
    return try .json(encoding: Page(items: records.map(WebhookDeliveryDocument.init), nextCursor: next))
  }

  /// `POST /api/v1/webhook-deliveries/{id}/replay`: with the same `webhook-id`, whatever became of it.
  private func replay(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (principal, known) = try await delivery(request)
    guard try await catalog.replay(known.id) else {
      throw APIProblem(.conflict, "delivery-under-way", "This delivery is on its way: it is tried again by itself.")
    }
    wake()
    return try accepted(try await catalog.delivery(known.id, seenBy: principal.userID))
  }

  /// `POST /api/v1/webhook-endpoints/{id}/replay` `{since, until}`: all failed deliveries of that time, at most a thousand a request.
  private func replayFailed(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, known) = try await endpoint(request)
    let body = try await request.strictJSON(WebhookReplayRequest.self, upTo: Self.largestBody)
    let until = body.until?.microseconds ?? Int64(Date().timeIntervalSince1970 * 1_000_000)
    let count = try await catalog.replayFailed(of: known.id, since: body.since.microseconds, until: until)
    wake()
    return try .json(encoding: ["replayed": count], status: .accepted)
  }

  /// The endpoint that the path names; others' look as if they were not there.
  private func endpoint(_ request: HTTPRequest) async throws -> (principal: Principal, record: WebhookEndpointRecord) {
    let principal = try await authentication.authorized(request, Self.roles)
    return (principal, try found(try await catalog.endpoint(try id(request), of: principal.userID)))
  }

  private func delivery(_ request: HTTPRequest) async throws -> (principal: Principal, record: WebhookDeliveryRecord) {
    let principal = try await authentication.authorized(request, Self.roles)
    guard let record = try await catalog.delivery(try id(request), seenBy: principal.userID) else { throw Self.noDelivery }
    return (principal, record)
  }

  private func id(_ request: HTTPRequest) throws -> UUID {
    guard let id = UUID(uuidString: request.parameters["id"] ?? "") else {
      throw APIProblem.invalid("invalid-id", "It is named by a UUID such as 3f2b8c1e-9d4a-4e6f-8a7b-0c1d2e3f4a5b.")
    }
    return id
  }

  private func accepted(_ record: WebhookDeliveryRecord?) throws -> HTTPResponse {
    guard let record else { throw Self.noDelivery }
    return try .json(encoding: WebhookDeliveryDocument(record), status: .accepted)
  }

  private func found(_ record: WebhookEndpointRecord?) throws -> WebhookEndpointRecord {
    guard let record else { throw Self.noEndpoint }
    return record
  }

  private static let noEndpoint = APIProblem(.notFound, "webhook-endpoint-not-found", "There is no such endpoint.")
  private static let noDelivery = APIProblem(.notFound, "webhook-delivery-not-found", "There is no such delivery.")
}
