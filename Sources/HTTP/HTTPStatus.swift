/// A status code with its standard reason (RFC 9110 section 15).
public struct HTTPStatus: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
  public let rawValue: Int

  public init(rawValue: Int) { self.rawValue = rawValue }

  public static let ok = HTTPStatus(rawValue: 200)
  public static let created = HTTPStatus(rawValue: 201)
  public static let accepted = HTTPStatus(rawValue: 202)
  public static let noContent = HTTPStatus(rawValue: 204)
  public static let partialContent = HTTPStatus(rawValue: 206)
  public static let seeOther = HTTPStatus(rawValue: 303)
  public static let notModified = HTTPStatus(rawValue: 304)
  public static let temporaryRedirect = HTTPStatus(rawValue: 307)
  public static let badRequest = HTTPStatus(rawValue: 400)
  public static let unauthorized = HTTPStatus(rawValue: 401)
  public static let forbidden = HTTPStatus(rawValue: 403)
  public static let notFound = HTTPStatus(rawValue: 404)
  public static let methodNotAllowed = HTTPStatus(rawValue: 405)
  public static let requestTimeout = HTTPStatus(rawValue: 408)
  public static let conflict = HTTPStatus(rawValue: 409)
  public static let gone = HTTPStatus(rawValue: 410)
  public static let lengthRequired = HTTPStatus(rawValue: 411)
  public static let preconditionFailed = HTTPStatus(rawValue: 412)
  public static let contentTooLarge = HTTPStatus(rawValue: 413)
  public static let unsupportedMediaType = HTTPStatus(rawValue: 415)
  public static let rangeNotSatisfiable = HTTPStatus(rawValue: 416)
  public static let unprocessableContent = HTTPStatus(rawValue: 422)
  public static let locked = HTTPStatus(rawValue: 423)
  public static let preconditionRequired = HTTPStatus(rawValue: 428)
  public static let tooManyRequests = HTTPStatus(rawValue: 429)
  public static let checksumMismatch = HTTPStatus(rawValue: 460)
  public static let clientClosedRequest = HTTPStatus(rawValue: 499)
  public static let internalServerError = HTTPStatus(rawValue: 500)
  public static let notImplemented = HTTPStatus(rawValue: 501)
  public static let badGateway = HTTPStatus(rawValue: 502)
  public static let serviceUnavailable = HTTPStatus(rawValue: 503)
  public static let gatewayTimeout = HTTPStatus(rawValue: 504)
  public static let insufficientStorage = HTTPStatus(rawValue: 507)

  /// Whether the code is one of 200 to 299.
  public var isSuccess: Bool { (200...299).contains(rawValue) }

  /// The reason phrase, used as the title of problem documents.
  public var reason: String { Self.reasons[rawValue] ?? "Status \(rawValue)" }

  public var description: String { "\(rawValue) \(reason)" }

  private static let reasons: [Int: String] = [
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content", 303: "See Other",
    304: "Not Modified", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
    411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large", 415: "Unsupported Media Type",
    416: "Range Not Satisfiable", 422: "Unprocessable Content", 423: "Locked", 428: "Precondition Required",
    429: "Too Many Requests", 460: "Checksum Mismatch", 499: "Client Closed Request", 500: "Internal Server Error",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
    507: "Insufficient Storage",
  ]
}
