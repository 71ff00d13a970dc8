import Foundation
import HTTP

/// A refusal in Google's error shape.
struct GoogleError: HTTPResponseConvertible {
  let status: HTTPStatus
  /// The canonical name of google.rpc.Code, such as INVALID_ARGUMENT.
  let name: String
  let message: String
  var details: [GoogleErrorResponse.Detail] = []
  var retryAfterSeconds: Int?

  static func invalidArgument(_ message: String) -> GoogleError {
    GoogleError(status: .badRequest, name: "INVALID_ARGUMENT", message: message)
  }

  static func notFound(_ message: String) -> GoogleError {
    GoogleError(status: .notFound, name: "NOT_FOUND", message: message)
  }

  static let missingKey = GoogleError(
    status: .forbidden, name: "PERMISSION_DENIED", message: "The header x-goog-api-key is missing. Send the service's API key in it.")

  static let invalidKey = GoogleError(
    status: .badRequest, name: "INVALID_ARGUMENT", message: "API key not valid. Please pass a valid API key.",
    details: [.init(type: GoogleErrorResponse.errorInfoType, reason: GoogleErrorResponse.invalidKeyReason)])

  static func resourceExhausted(_ message: String, retryAfterSeconds: Int) -> GoogleError {
    GoogleError(
      status: .tooManyRequests, name: "RESOURCE_EXHAUSTED", message: message,
      details: [.init(type: GoogleErrorResponse.retryInfoType, retryDelay: "\(retryAfterSeconds)s")],
      retryAfterSeconds: retryAfterSeconds)
  }

  static func unavailable(_ message: String) -> GoogleError {
    GoogleError(status: .serviceUnavailable, name: "UNAVAILABLE", message: message)
  }

  static func unexpected(_ message: String) -> GoogleError {
    GoogleError(status: .internalServerError, name: "INTERNAL", message: message)
  }

  var response: HTTPResponse {
    let document = GoogleErrorResponse(
      error: .init(code: status.rawValue, message: message, status: name, details: details.isEmpty ? nil : details))
    var response = HTTPResponse.json((try? JSONEncoder().encode(document)).map(Array.init) ?? [], status: status)
    response.headers["Retry-After"] = retryAfterSeconds.map(String.init)
    return response
  }
}
