import Foundation
import HTTP
import Workflows

/// Asks a service that speaks Gemini's generateContent for lyrics: Google's, or `OfflineLyricsService`.
public struct GeminiProvider: LyricsProvider {
  /// Base64 makes this 18.7 MiB, below the 20 MB that every version of the API takes in one request.
  public static let maximumInlineBytes = 14 << 20
  public static let maximumResponseBytes = 4 << 20

  /// Where the service is and how to speak to it.
  public struct Configuration: Sendable {
    /// Without the version, for example "https://generativelanguage.googleapis.com".
    public let baseURL: String
    public let model: String
    fileprivate let apiKey: String
    /// From the first byte sent to the last byte received. Default 5 minutes: the model listens to the whole song.
    public let timeout: Duration

    /// Throws `LyricsFailure` of kind `invalidRequest` for a model that is not made of letters, digits, `.`, `_` and `-`.
    public init(baseURL: String, model: String, apiKey: String, timeout: Duration = .seconds(300)) throws(LyricsFailure) {
      let isModelName = model.utf8.allSatisfy { byte in
        Character(Unicode.Scalar(byte)).isASCIILetterOrDigit || "._-".utf8.contains(byte)
      }
      guard isModelName, !model.isEmpty else {
        throw LyricsFailure(.invalidRequest, "the model's name may hold only letters, digits, '.', '_' and '-': check the configuration")
      }
      self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
      self.model = model
      self.apiKey = apiKey
      self.timeout = timeout
    }
  }

  private let configuration: Configuration
  private let client: HTTPClient

  public init(_ configuration: Configuration, client: HTTPClient) {
    self.configuration = configuration
    self.client = client
  }

  public func transcribe(_ request: LyricsRequest) async throws -> Lyrics {
    let message = try httpRequest(for: request)
    do {
      let response = try await client.send(message)
      return try GeminiResponse(response).lyrics(for: request, model: configuration.model)
    } catch let error as HTTPClientError {
      try Task.checkCancellation()
      throw LyricsFailure(error)
    }
  }

  private func httpRequest(for request: LyricsRequest) throws -> HTTPClientRequest {
    let url = "\(configuration.baseURL)/v1beta/models/\(configuration.model):generateContent"
    let headers: HTTPHeaders = ["Content-Type": "application/json", "x-goog-api-key": configuration.apiKey]
    let body = try JSONEncoder().encode(Self.content(for: request))
    var message = HTTPClientRequest(.post, url, headers: headers, body: .bytes(Array(body)))
    message.totalTimeout = configuration.timeout
    message.responseLimitBytes = Self.maximumResponseBytes
    // The address comes from the operator's configuration, and the offline service is on this machine.
    message.addressPolicy = .unrestricted
    return message
  }

  private static func content(for request: LyricsRequest) throws -> GenerateContentRequest {
    let song = LyricsPrompt.Song(
      title: request.title, artist: request.artist, language: request.language,
      durationMilliseconds: request.durationMilliseconds,
      suppliedLyrics: request.suppliedLyrics?.split(whereSeparator: \.isNewline).map(String.init))
    let description = String(decoding: try JSONEncoder().encode(song), as: UTF8.self)
    let parts = [
      try audioPart(request.audio), GenerateContentPart(text: LyricsPrompt.task), GenerateContentPart(text: description),
    ]
    return GenerateContentRequest(
      systemInstruction: GenerateContent(parts: [GenerateContentPart(text: LyricsPrompt.systemInstruction)]),
      contents: [GenerateContent(role: "user", parts: parts)],
      generationConfig: GenerationConfig(
        responseMimeType: "application/json", responseJsonSchema: LyricsPrompt.responseSchema, temperature: 0))
  }

  private static func audioPart(_ audio: LyricsRequest.Audio) throws -> GenerateContentPart {
    switch audio {
    case .url(let url, let mimeType):
      return GenerateContentPart(fileData: .init(mimeType: mimeType, fileUri: url))
    case .bytes(let bytes, let mimeType):
      return try inlinePart(bytes, mimeType: mimeType)
    case .file(let path, let mimeType):
      guard let file = FileHandle(forReadingAtPath: path) else {
        throw LyricsFailure(.audioUnusable, "the audio file of the track could not be opened")
      }
      defer { try? file.close() }
      return try inlinePart(file.read(upToCount: maximumInlineBytes + 1) ?? Data(), mimeType: mimeType)
    }
  }

  private static func inlinePart(_ bytes: Data, mimeType: String) throws(LyricsFailure) -> GenerateContentPart {
    guard bytes.count <= maximumInlineBytes else {
      throw LyricsFailure(.audioUnusable, "the audio is above the \(maximumInlineBytes) bytes that are sent inline: pass a signed URL")
    }
    return GenerateContentPart(inlineData: .init(mimeType: mimeType, data: bytes.base64EncodedString()))
  }
}

extension Character {
  fileprivate var isASCIILetterOrDigit: Bool { isASCII && (isLetter || isNumber) }
}

extension LyricsFailure {
  /// `HTTPClientError` names the origin only, so no query of an address gets into the message.
  init(_ error: HTTPClientError) {
    let kind: Kind =
      switch error.code {
      case .tooLarge, .malformedResponse: .invalidAnswer
      case _ where error.isTransient: .unreachable
      default: .invalidRequest
      }
    self.init(kind, error.description)
  }
}
