import Activities
import HTTP
import Orchestrator
import PostgreSQL

/// A refusal of the API with a stable kind (RFC 9457): clients act on the type, people read the detail.
struct APIProblem: HTTPResponseConvertible, Equatable {
  let status: HTTPStatus
  /// The last part of the type, for example `track-not-found`.
  let name: String
  let detail: String
  var headers: HTTPHeaders
  var extensions: [String: ProblemDetails.Value]

  init(
    _ status: HTTPStatus, _ name: String, _ detail: String, headers: HTTPHeaders = [:],
    extensions: [String: ProblemDetails.Value] = [:]
  ) {
    self.status = status
    self.name = name
    self.detail = detail
    self.headers = headers
    self.extensions = extensions
  }

  static func type(_ name: String) -> String { "urn:orchestrator:problem:\(name)" }

  var response: HTTPResponse {
    var response = ProblemDetails(type: Self.type(name), status: status, detail: detail, extensions: extensions).response
    for field in headers.fields { response.headers.add(field.name, field.value) }
    return response
  }
}

extension CatalogError: HTTPResponseConvertible {
  public var response: HTTPResponse {
    let (status, name): (HTTPStatus, String) =
      switch code {
      case .trackNotFound: (.notFound, "track-not-found")
      case .impossibleStatus: (.conflict, "impossible-status")
      case .alreadyReviewed: (.conflict, "already-reviewed")
      case .notWaitingForReview: (.conflict, "not-waiting-for-review")
      case .assetNotFound: (.notFound, "asset-not-found")
      case .versionNotFound: (.notFound, "version-not-found")
      case .assetNotReady: (.conflict, "asset-not-ready")
      case .kindNotFound: (.unprocessableContent, "invalid-value")
      case .jobNotFound: (.notFound, "job-not-found")
      case .jobStatusUnfit: (.conflict, "job-status-unfit")
      case .tooManyJobs: (.conflict, "too-many-jobs")
      case .quotaExceeded: (.contentTooLarge, "quota-exceeded")
      case .tooManyOpenUploads: (.forbidden, "too-many-open-uploads")
      case .revisionChanged: (.preconditionFailed, "revision-changed")
      case .idempotencyKeyReused: (.unprocessableContent, "idempotency-key-reused")
      case .unknownReasonCode: (.unprocessableContent, "invalid-value")
      case .claimed: (.conflict, "claimed")
      case .artistNotFound: (.unprocessableContent, "invalid-value")
      }
    return APIProblem(status, name, APIProblem.sentence(description)).response
  }
}

extension OrchestratorError: HTTPResponseConvertible {
  public var response: HTTPResponse {
    let status = HTTPStatus(rawValue: code.httpStatus)
    let headers: HTTPHeaders = status == .serviceUnavailable ? ["Retry-After": "1"] : [:]
    return APIProblem(status, code.name, APIProblem.sentence(message), headers: headers).response
  }
}

extension MediaError: HTTPResponseConvertible {
  public var response: HTTPResponse {
    let status: HTTPStatus = code == .unsupportedType ? .unsupportedMediaType : .unprocessableContent
    return APIProblem(status, "invalid-audio", APIProblem.sentence(description), extensions: ["code": .text(code.rawValue)]).response
  }
}

extension JobParameterError: HTTPResponseConvertible {
  public var response: HTTPResponse {
    APIProblem.invalidField(name.map { "parameters.\($0)" } ?? "parameters", reason).response
  }
}

extension PosterError: HTTPResponseConvertible {
  public var response: HTTPResponse {
    if code == .busy { return APIProblem.unavailable(APIProblem.sentence(description)).response }
    let status: HTTPStatus = code == .unsupportedType ? .unsupportedMediaType : .unprocessableContent
    return APIProblem(status, "invalid-poster", APIProblem.sentence(description), extensions: ["code": .text(code.rawValue)]).response
  }
}

extension LyricsViolation: HTTPResponseConvertible {
  public var response: HTTPResponse {
    APIProblem(.unprocessableContent, "invalid-lyrics", APIProblem.sentence(description)).response
  }
}

extension ObjectStoreError: HTTPResponseConvertible {
  public var response: HTTPResponse {
    switch code {
    case .tooLarge: APIProblem(.contentTooLarge, "upload-too-large", "The file is larger than what is accepted.").response
    case .notFound, .invalidKey: APIProblem(.notFound, "file-not-found", "There is no such file.").response
    case .unavailable, .refused: APIProblem.unavailable("The file store is not available. Try again.").response
    }
  }
}

extension DatabaseError: HTTPResponseConvertible {
  public var response: HTTPResponse {
    if isRetryable { return APIProblem.unavailable("The database is not available at the moment. Try again.").response }
    return HTTPError(.internalServerError, "The server failed to answer. Try again, or ask the operator.").response
  }
}

extension APIProblem {
  /// 503, worth another try.
  static func unavailable(_ detail: String) -> APIProblem {
    APIProblem(.serviceUnavailable, "unavailable", detail, headers: ["Retry-After": "1"])
  }

  /// A 400 about one part of the request.
  static func invalid(_ name: String, _ detail: String) -> APIProblem { APIProblem(.badRequest, name, detail) }

  /// A 422 about one field of the body.
  static func invalidField(_ field: String, _ reason: String) -> APIProblem {
    APIProblem(.unprocessableContent, "invalid-value", "The field \"\(field)\" \(reason).", extensions: ["field": .text(field)])
  }

  /// Errors are written to stand inside a sentence; here they stand alone.
  static func sentence(_ text: String) -> String {
    let begun = text.prefix(1).uppercased() + text.dropFirst()
    return begun.hasSuffix(".") ? begun : begun + "."
  }
}
