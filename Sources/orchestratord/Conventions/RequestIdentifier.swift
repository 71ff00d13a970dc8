import Foundation
import HTTP
import Orchestrator

/// Gives every request a name, which its answer repeats: who reports a failure can say which request it was.
enum RequestIdentifier {
  static let header = "X-Request-Id"
  /// Of the request that is being answered.
  @TaskLocal static var current: String?

  static func around(_ request: HTTPRequest, _ next: HTTPHandler) async throws -> HTTPResponse {
    let identifier = named(by: request) ?? UUID().uuidString.lowercased()
    var response = try await $current.withValue(identifier) {
      try await Log.$context.withValue(["request_id": identifier]) { try await RequestLog.around(request, next) }
    }
    response.headers[header] = identifier
    return response
  }

  /// What a proxy or client gave: 1 to 128 characters that need no care in a log.
  private static func named(by request: HTTPRequest) -> String? {
    guard let given = request.headers[header], (1...128).contains(given.utf8.count) else { return nil }
    let isPlain = given.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || "-_.".utf8.contains(byte)
    }
    return isPlain ? given : nil
  }
}
