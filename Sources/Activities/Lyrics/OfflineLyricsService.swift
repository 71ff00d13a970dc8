import Cryptography
import Foundation
import HTTP
import Workflows

/// A local service with the wire format of Gemini's generateContent that answers by listening to the audio itself.
///
/// It stands in for the external AI where there is none: the same requests, answers, keys and errors over real HTTP.
public struct OfflineLyricsService: Sendable {
  /// What the service accepts and how much it does at once.
  public struct Configuration: Sendable {
    /// Callers send it in `x-goog-api-key`; anything else is refused.
    fileprivate let apiKeyDigest: [UInt8]
    /// Bytes of a request, inline audio included. Default 20 MiB.
    public var maximumRequestBytes = 20 << 20
    /// Bytes of audio fetched from a `fileUri`. Default 100 MiB, the largest upload.
    public var maximumAudioBytes = 100 << 20
    /// Songs listened to at once. Default 1, each takes a core.
    public var concurrentRecognitions = 1
    /// Songs that wait for their turn; further ones are answered with 429. Default 32.
    public var maximumWaiting = 32

    public init(apiKey: String) {
      apiKeyDigest = Digest.sha256(apiKey.utf8)
    }
  }

  private let configuration: Configuration
  private let recognizer: OfflineRecognizer
  private let audioLoader: LyricsAudioLoader
  private let slots: WorkSlots

  public init(_ configuration: Configuration, recognizer: OfflineRecognizer = OfflineRecognizer(), client: HTTPClient) {
    self.configuration = configuration
    self.recognizer = recognizer
    audioLoader = LyricsAudioLoader(maximumBytes: configuration.maximumAudioBytes, client: client)
    slots = WorkSlots.recognitions(concurrent: configuration.concurrentRecognitions, maximumWaiting: configuration.maximumWaiting)
  }

  /// Starts to answer on 127.0.0.1; port 0 picks a free one. Throws `HTTPServerError` when the port is taken.
  public func start(port: UInt16 = 0) throws(HTTPServerError) -> HTTPServer {
    var server = HTTPServerConfiguration()
    server.port = port
    return try HTTPServer(server, router: router)
  }

  /// The one route of the service, `POST /v1beta/models/{model}:generateContent`; Google's newer clients say `v1`.
  public var router: Router {
    var router = Router()
    for version in ["v1", "v1beta"] {
      router.on(.post, "/\(version)/models/{operation}") { request in try await answer(request) }
    }
    return router
  }

  private func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
    do {
      try authenticate(request)
      try requireKnownOperation(request.parameters["operation"] ?? "")
      let content = try await decodedBody(of: request)
      let lyrics = try await transcribe(content)
      return try Self.response(lyrics, includingWords: content.generationConfig.map(Self.asksForWords) ?? false)
    } catch let failure as LyricsFailure {
      throw Self.googleError(failure)
    } catch let error as HTTPError where error.status == .contentTooLarge {
      throw GoogleError.invalidArgument("The request is larger than \(configuration.maximumRequestBytes) bytes. Pass a fileUri.")
    }
  }

  private func authenticate(_ request: HTTPRequest) throws(GoogleError) {
    guard let key = request.headers["x-goog-api-key"] else { throw .missingKey }
    // Digests are compared, so that the time taken says nothing about the key.
    guard Digest.sha256(key.utf8) == configuration.apiKeyDigest else { throw .invalidKey }
  }

  private func requireKnownOperation(_ operation: String) throws(GoogleError) {
    guard operation == "\(recognizer.model.name):generateContent" else {
      throw .notFound("This service offers only models/\(recognizer.model.name):generateContent.")
    }
  }

  private func decodedBody(of request: HTTPRequest) async throws -> GenerateContentRequest {
    let body = try await request.body.collect(upTo: configuration.maximumRequestBytes)
    // Protobuf's JSON takes the names of fields in both spellings, and Google's own clients mix them.
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      return try decoder.decode(GenerateContentRequest.self, from: Data(body))
    } catch {
      throw GoogleError.invalidArgument("The body is not a generateContent request in JSON.")
    }
  }

  private func transcribe(_ request: GenerateContentRequest) async throws -> Lyrics {
    let parts = request.contents.flatMap { $0.parts ?? [] }
    let audio = try AudioPart(in: parts)
    let song = parts.lazy.compactMap(\.text).compactMap { try? JSONDecoder().decode(LyricsPrompt.Song.self, from: Data($0.utf8)) }.first
    return try await slots.withSlot {
      let speech = try await audioLoader.speech(from: audio)
      return try await recognizer.transcribe(speech, suppliedLyrics: song?.suppliedLyrics?.joined(separator: "\n"))
    }
  }

  private static func response(_ lyrics: Lyrics, includingWords: Bool) throws -> HTTPResponse {
    let answer = try JSONEncoder().encode(LyricsAnswer(lyrics.lines, includingWords: includingWords))
    let part = GenerateContentPart(text: String(decoding: answer, as: UTF8.self))
    let candidate = GenerateContentResponse.Candidate(
      content: GenerateContent(role: "model", parts: [part]), finishReason: "STOP",
      avgLogprobs: lyrics.confidence.map { log(max($0, 1e-6)) }, index: 0)
    let words = lyrics.lines.reduce(0) { $0 + ($1.words?.count ?? 0) }
    let response = GenerateContentResponse(
      candidates: [candidate], usageMetadata: .init(promptTokenCount: 0, candidatesTokenCount: words, totalTokenCount: words),
      modelVersion: lyrics.model, responseId: UUID().uuidString)
    return .json(Array(try JSONEncoder().encode(response)))
  }

  /// Words are sent only to those whose schema has a place for them.
  private static func asksForWords(_ configuration: GenerationConfig) -> Bool {
    let schema = configuration.responseJsonSchema ?? configuration.responseSchema
    return schema?["properties"]?["lines"]?["items"]?["properties"]?["words"] != nil
  }

  private static func googleError(_ failure: LyricsFailure) -> GoogleError {
    switch failure.kind {
    case .audioUnusable, .invalidRequest: .invalidArgument(failure.message)
    case .unreachable: .invalidArgument("The fileUri could not be fetched: \(failure.message)")
    default: .unexpected(failure.message)
    }
  }
}

extension WorkSlots {
  /// Each recognition takes a whole core and some 150 MB; who finds too many waiting is told to come back (429).
  static func recognitions(concurrent: Int, maximumWaiting: Int) -> WorkSlots {
    WorkSlots(concurrent: concurrent, maximumWaiting: maximumWaiting) { waiting in
      GoogleError.resourceExhausted("\(waiting) songs wait already. Try again later.", retryAfterSeconds: 10)
    }
  }
}
