import HTTP
import Orchestrator

/// Who sees values that are encrypted in the database.
extension OperatorAPI {
  /// `?decode=true` shows them as they were, to admins; everybody else sees which key opens them.
  /// - Throws: `APIProblem` 400, 403.
  func display(of request: HTTPRequest) async throws -> ValueDisplay {
    switch request.queryValue("decode") {
    case nil, "false": return .placeholders
    case "true":
      try await authentication.principal(of: request).require(.admin)
      return .decoded
    default: throw APIProblem.invalid("invalid-query", "\"decode\" is true or false.")
    }
  }

  /// An answer from a run's state is made of such values.
  /// - Throws: `APIProblem` 403.
  func requireReader(of request: HTTPRequest) async throws {
    if client.codec != nil { try await authentication.principal(of: request).require(.admin) }
  }
}
