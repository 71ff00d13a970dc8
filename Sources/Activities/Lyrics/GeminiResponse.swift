import Foundation
import HTTP
import Workflows

/// Reads an answer of generateContent: a pure function from status, headers and body to lyrics or a failure.
struct GeminiResponse: Sendable {
  static let maximumMessageCharacters = 300
  static let maximumRetryAfter: Duration = .seconds(86_400)
  /// The model declined for good; asking again gives the same refusal (RECITATION is common for known songs).
  private static let refusals: Set<String> = [
    "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "LANGUAGE", "IMAGE_SAFETY",
  ]

  private let status: Int
  private let retryAfter: Duration?
  private let body: Data

  init(_ response: HTTPClientResponse) {
    status = response.status.rawValue
    retryAfter = response.retryAfter
    body = Data(response.body)
  }

  func lyrics(for request: LyricsRequest, model: String) throws(LyricsFailure) -> Lyrics {
    guard status == 200 else { throw failure }
    guard let response = try? JSONDecoder().decode(GenerateContentResponse.self, from: body) else {
      throw LyricsFailure(.invalidAnswer, "the service's answer is cut off or is not of generateContent's shape")
    }
    if let reason = response.promptFeedback?.blockReason {
      throw LyricsFailure(.refused, "the service blocked the request: \(Self.plain(reason))")
    }
    guard let candidate = response.candidates?.first else {
      throw LyricsFailure(.invalidAnswer, "the service gave no candidate")
    }
    try Self.checkFinish(candidate.finishReason)
    let lines = try Self.lines(of: candidate, durationMilliseconds: request.durationMilliseconds)
    return Lyrics(
      language: request.language, lines: lines, source: request.suppliedLyrics == nil ? .transcribed : .aligned,
      model: response.modelVersion.map(Self.plain) ?? model, confidence: candidate.avgLogprobs.map { min(1, exp($0)) })
  }

  private static func checkFinish(_ reason: String?) throws(LyricsFailure) {
    switch reason {
    case "STOP": return
    case .some(let reason) where refusals.contains(reason):
      throw LyricsFailure(.refused, "the model declined to transcribe this song: \(reason)")
    case "MAX_TOKENS": throw LyricsFailure(.invalidAnswer, "the answer was cut off at the model's limit of tokens")
    case let reason: throw LyricsFailure(.invalidAnswer, "the model stopped early: \(reason.map(plain) ?? "no finishReason")")
    }
  }

  private static func lines(
    of candidate: GenerateContentResponse.Candidate, durationMilliseconds: Int
  ) throws(LyricsFailure) -> [LyricsLine] {
    let parts = (candidate.content?.parts ?? []).filter { $0.thought != true }
    let text = parts.compactMap(\.text).joined()
    guard !text.isEmpty else { throw LyricsFailure(.invalidAnswer, "the model's answer has no text") }
    do {
      return try LyricsValidation(durationMilliseconds: durationMilliseconds).lines(fromJSON: Data(text.utf8))
    } catch {
      throw LyricsFailure(.invalidAnswer, error.description)
    }
  }

  private var failure: LyricsFailure {
    let status = (try? JSONDecoder().decode(GoogleErrorResponse.self, from: body))?.error
    let said = [status?.status, status?.message].compactMap { $0.map(Self.plain) }.joined(separator: ": ")
    let message = "the service answered \(self.status)" + (said.isEmpty ? "" : ", \(said)")
    let kind = kind(status)
    return LyricsFailure(kind, message, retryAfter: kind.isTemporary ? delay(status) : nil)
  }

  private func kind(_ status: GoogleErrorResponse.Status?) -> LyricsFailure.Kind {
    // A wrong key is a plain 400; only the details tell it from a wrong request.
    if status?.details?.contains(where: { $0.reason == GoogleErrorResponse.invalidKeyReason }) == true { return .unauthorized }
    return switch self.status {
    case 429: .rateLimited
    case 408, 500...599: .unavailable
    case 401, 403: .unauthorized
    case 404: .notFound
    case 200...299: .invalidAnswer
    default: .invalidRequest
    }
  }

  /// The longer of the header and the error's RetryInfo: both must have passed before the service wants to hear from us.
  private func delay(_ status: GoogleErrorResponse.Status?) -> Duration? {
    let details = status?.details?.filter { $0.type == GoogleErrorResponse.retryInfoType } ?? []
    let asked = details.compactMap { $0.retryDelay.flatMap(Self.duration) }
    return ([retryAfter].compactMap(\.self) + asked).max().map { min($0, Self.maximumRetryAfter) }
  }

  /// A google.protobuf.Duration in JSON: decimal seconds with an "s" at the end.
  private static func duration(protobuf: String) -> Duration? {
    guard protobuf.hasSuffix("s"), let seconds = Double(protobuf.dropLast()), (0...1e9).contains(seconds) else { return nil }
    return .milliseconds(Int64((seconds * 1_000).rounded(.up)))
  }

  /// A stranger's text on one bounded line, without the queries of addresses it may quote.
  static func plain(_ text: String) -> String {
    let words = text.split(whereSeparator: { $0.isWhitespace || $0.unicodeScalars.contains { $0.properties.generalCategory == .control } })
    let safe = words.map { word in word.contains("://") ? word.prefix { $0 != "?" } : word }
    return String(safe.joined(separator: " ").prefix(maximumMessageCharacters))
  }
}

extension LyricsFailure.Kind {
  fileprivate var isTemporary: Bool { self == .rateLimited || self == .unavailable }
}
