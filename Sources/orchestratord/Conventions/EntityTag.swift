import HTTP

/// The tag of a document that can be edited (RFC 9110 section 8.8.3): two states of it never share one.
struct EntityTag: Sendable, Equatable {
  /// With its quotes.
  let text: String

  /// - Parameter revision: grows with every change of the document.
  init(revision: Int64) { text = "\"r\(revision)\"" }

  /// Puts the tag on an answer.
  func mark(_ response: inout HTTPResponse) { response.headers["ETag"] = text }

  /// Whether the client has this answer already: then 304 is enough (section 13.1.2).
  static func isKnown(_ response: HTTPResponse, to request: HTTPRequest) -> Bool {
    guard let tag = response.headers["ETag"] else { return false }
    return tags("If-None-Match", of: request).contains { $0 == "*" || $0 == tag || $0 == "W/" + tag }
  }

  /// Refuses a change that was made from another state than this (section 13.1.1); a request without `If-Match` passes.
  /// - Throws: `APIProblem` 412 `edited-meanwhile`.
  func requireMatch(of request: HTTPRequest) throws {
    let tags = Self.tags("If-Match", of: request)
    guard !tags.isEmpty else { return }
    guard tags.contains("*") || tags.contains(text) else {
      throw APIProblem(
        .preconditionFailed, "edited-meanwhile", "Somebody changed it since it was read. Read it again, and repeat the change.",
        headers: ["ETag": text])
    }
  }

  private static func tags(_ field: String, of request: HTTPRequest) -> [String] {
    request.headers.values(field).flatMap { $0.split(separator: ",") }.prefix(64).map { $0.filter { !$0.isWhitespace } }
  }
}
