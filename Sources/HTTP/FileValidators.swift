import Foundation

/// What tells one state of a file from another, and what a request's conditions make of it.
struct FileValidators {
  enum Outcome {
    case passed
    /// 304.
    case unchanged
    /// 412.
    case failed
  }

  /// Strong, with its quotes.
  let entityTag: String?
  let lastModified: Date?

  init(entityTag: String?, lastModified: Date?) {
    self.entityTag = entityTag
    // HTTP's dates know no parts of a second.
    self.lastModified = lastModified.map { Date(timeIntervalSince1970: $0.timeIntervalSince1970.rounded(.down)) }
  }

  /// The conditions in the order of RFC 9110 section 13.2.2; one that cannot be read counts for nothing.
  func outcome(of request: HTTPRequest) -> Outcome {
    let expected = request.headers.values("If-Match")
    if !expected.isEmpty {
      guard matches(expected, isStrong: true) else { return .failed }
    } else if let date = time("If-Unmodified-Since", request), let lastModified, lastModified > date {
      return .failed
    }
    guard request.method == .get || request.method == .head else { return .passed }
    let known = request.headers.values("If-None-Match")
    if !known.isEmpty { return matches(known, isStrong: false) ? .unchanged : .passed }
    if let date = time("If-Modified-Since", request), let lastModified, lastModified <= date { return .unchanged }
    return .passed
  }

  /// The range counts only for GET, and only if the client's copy is still the current one (section 13.1.5).
  func range(of request: HTTPRequest) -> String? {
    guard request.method == .get else { return nil }
    if let condition = request.headers["If-Range"] {
      let isCurrent = condition == entityTag || lastModified != nil && HTTPDate.parse(condition) == lastModified
      guard isCurrent else { return nil }
    }
    return request.headers["Range"]
  }

  private func time(_ name: String, _ request: HTTPRequest) -> Date? { request.headers[name].flatMap(HTTPDate.parse) }

  private func matches(_ values: [String], isStrong: Bool) -> Bool {
    let tags = values.flatMap { $0.split(separator: ",").map { trimmed($0) } }
    guard let entityTag else { return tags == ["*"] }
    return tags.contains { $0 == "*" || $0 == entityTag || !isStrong && $0 == "W/" + entityTag }
  }
}
