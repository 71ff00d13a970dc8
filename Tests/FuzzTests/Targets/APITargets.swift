import Activities
import Foundation
import Orchestrator
import Workflows

@testable import HTTP
@testable import orchestratord

/// What the API's routes make of a request before anything is asked of the database.
enum APITargets {
  static let all = [
    FuzzTarget(name: "request-body", check: body),
    FuzzTarget(name: "request-head", check: head),
    FuzzTarget(name: "upload-form", check: form),
  ]

  /// The first line names the route, the rest is the body.
  @Sendable private static func body(_ bytes: [UInt8]) async throws {
    let input = HeadedInput(bytes)
    let request = try HTTPRequest(method: .post, target: "/", body: RequestBody(input.body))
    let limit = 4096
    do {
      switch input.head {
      case "signal": _ = try await request.strictJSON(SignalRequest.self, upTo: limit)
      case "complete": _ = try await request.strictJSON(CompleteRequest.self, upTo: limit)
      case "fail": _ = try await request.strictJSON(FailRequest.self, upTo: limit)
      case "moderate": _ = try await request.optionalJSON(ModerationRequest.self, upTo: limit)
      case "review":
        let review = try await request.strictJSON(ReviewRequest.self, upTo: limit)
          .review(by: "admin", durationMilliseconds: 200_000)
        try must((review.edits.title?.unicodeScalars.count ?? 1) <= TrackTexts.titleCharacters, "a title is bounded")
      case "lines": _ = try await request.decode([LyricsAnswer.Line].self, upTo: limit)
      default:
        let start = try await request.strictJSON(StartRequest.self, upTo: limit)
        if let payload = start.input { _ = try Payload(checking: payload.bytes) }
      }
      try must(input.body.count <= limit, "a longer body is refused")
    } catch let refusal as any HTTPResponseConvertible {
      try must((400..<500).contains(refusal.response.status.rawValue), "a bad body is the client's fault: \(refusal)")
    }
  }

  /// Lines of `name: value`.
  @Sendable private static func head(_ bytes: [UInt8]) throws {
    var headers = HTTPHeaders()
    for line in lines(of: bytes) {
      let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
      if parts.count == 2 { headers.add(parts[0], trimmed(parts[1])) }
    }
    let request = try HTTPRequest(method: .get, target: "/", headers: headers, remoteAddress: "203.0.113.7")
    if let principal = try taken(unless: APIProblem.self, { try Authentication.development.principal(of: request) }) {
      let token = "development-\(principal.userID.split(separator: "-").last ?? "")"
      try must(headers["Authorization"]?.hasSuffix(token) == true, "nobody is let in without a token")
    }
    if let key = try taken(unless: APIProblem.self, { try IdempotencyKey(of: request) }).flatMap(\.self) {
      try must((1...255).contains(key.text.utf8.count), "a key is bounded")
    }
    _ = try taken(unless: Authentication.ConfigurationError.self) { try Authentication(tokens: String(decoding: bytes, as: UTF8.self)) }
  }

  /// Lines of `name=value`.
  @Sendable private static func form(_ bytes: [UInt8]) throws {
    let fields = lines(of: bytes).map { line in
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      return (name: parts[0], value: parts.count > 1 ? parts[1] : "")
    }
    if let name = TrackTexts.fileName(fields.first?.value) {
      try must(!name.contains("/") && !name.contains("\\") && name.unicodeScalars.count <= 255, "a file's name is no path")
    }
    guard let form = try taken(unless: APIProblem.self, { try UploadForm(fields) }) else { return }
    try must(form.tags.count <= TrackTexts.tagCount && Set(form.tags).count == form.tags.count, "tags are few, each once")
    try must((form.lyrics?.utf8.count ?? 0) <= TrackTexts.lyricsBytes, "lyrics are bounded")
    let texts = [form.title, form.language].compactMap(\.self) + form.tags
    try must(!texts.joined().unicodeScalars.contains { $0.properties.generalCategory == .control }, "no control character gets in")
    guard let title = form.title else { return }
    try must(try TrackTexts.title(title) == title, "a title that was taken is taken again as it is")
  }
}
