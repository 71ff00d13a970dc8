import Foundation
import HTTP
import Testing
import Workflows

@testable import Activities

@Suite(.serialized) struct OfflineLyricsServiceTests {
  static let key = "local-key"
  static let lines = ["We will walk beside the river", "until the morning light will find us"]

  @Test func `the provider gets aligned words from the service, for audio in the request`() async throws {
    let song = try SpokenSong.make(Self.lines)
    let server = try Self.service().start()
    let lyrics = try await provider(server).transcribe(
      request(song, audio: .bytes(song.wav, mimeType: "audio/x-wav"), supplied: Self.lines.joined(separator: "\n")))
    #expect(lyrics.lines.map(\.text) == Self.lines && lyrics.source == .aligned)
    #expect(lyrics.lines.flatMap { $0.words ?? [] }.count == 13)
    #expect(lyrics.model == "pocketsphinx-en-us" && (lyrics.confidence ?? 0) > 0.5)
    await server.drain(within: .seconds(1))
  }

  @Test func `the service fetches the audio of a fileUri`() async throws {
    let song = try SpokenSong.make(Self.lines)
    let files = try HTTPServer { request in
      request.path == "/song.wav" && request.queryValue("signature") == "valid"
        ? HTTPResponse(.ok, body: .bytes(Array(song.wav))) : HTTPResponse(.forbidden)
    }
    let server = try Self.service().start()
    let url = "http://127.0.0.1:\(files.port)/song.wav?signature="
    let lyrics = try await provider(server).transcribe(request(song, audio: .url(url + "valid", mimeType: "audio/wav")))
    #expect(lyrics.source == .transcribed && !lyrics.lines.isEmpty)
    let failure = await #expect(throws: LyricsFailure.self) {
      try await provider(server).transcribe(request(song, audio: .url(url + "topsecret", mimeType: "audio/wav")))
    }
    #expect(failure?.kind == .invalidRequest && failure?.message.contains("topsecret") == false, "\(failure?.message ?? "")")
  }

  @Test func `a wrong key, an unknown model, a wrong type and broken audio are refused in Google's error shape`() async throws {
    let song = try SpokenSong.make(["hello"])
    let server = try Self.service().start()
    let good = try request(song, audio: .bytes(song.wav, mimeType: "audio/wav"))
    func kind(_ provider: GeminiProvider, _ request: LyricsRequest) async -> LyricsFailure.Kind? {
      await #expect(throws: LyricsFailure.self) { try await provider.transcribe(request) }?.kind
    }
    #expect(try await kind(provider(server, key: "guess"), good) == .unauthorized)
    #expect(try await kind(provider(server, model: "gemini-9"), good) == .notFound)
    let provider = try provider(server)
    #expect(try await kind(provider, request(song, audio: .bytes(song.wav, mimeType: "text/plain"))) == .invalidRequest)
    #expect(try await kind(provider, request(song, audio: .bytes(Data("not audio".utf8), mimeType: "audio/flac"))) == .invalidRequest)
    #expect(try await kind(provider, request(song, audio: .url("file:///etc/passwd", mimeType: "audio/wav"))) == .invalidRequest)
  }

  @Test(arguments: [
    "", "null", "{}", "[]", #"{"contents":[]}"#, #"{"contents":[{"parts":[{"inlineData":{"mimeType":"audio/wav","data":"!"}}]}]}"#,
  ])
  func `a body that is no request is refused with 400`(body: String) async throws {
    var request = try HTTPRequest(
      method: .post, target: "/v1beta/models/pocketsphinx-en-us:generateContent", headers: ["x-goog-api-key": Self.key],
      body: RequestBody(Array(body.utf8)))
    #expect(await Self.service().router.respond(to: request).status == .badRequest)
    request.headers["x-goog-api-key"] = nil
    #expect(await Self.service().router.respond(to: request).status == .forbidden)
  }

  @Test func `fields are understood in both spellings of protobuf's JSON, and base64 in both alphabets`() throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let part = try decoder.decode(
      GenerateContentPart.self, from: Data(#"{"inline_data":{"mime_type":"audio/x-wav","data":"__77-_8"}}"#.utf8))
    guard case .bytes(let bytes, .wav) = try AudioPart(in: [part]) else {
      Issue.record("not inline audio")
      return
    }
    #expect(bytes == Data([0xFF, 0xFE, 0xFB, 0xFB, 0xFF]))
  }

  @Test func `songs beyond those that may wait are told to come back`() async throws {
    let slots = WorkSlots.recognitions(concurrent: 1, maximumWaiting: 0)
    await #expect(throws: GoogleError.self) {
      try await slots.withSlot { try await slots.withSlot {} }
    }
    // The slot is free again, also after a failure.
    try await slots.withSlot {}
  }

  @Test func `a song that is cancelled while it waits leaves the line`() async throws {
    let slots = WorkSlots.recognitions(concurrent: 1, maximumWaiting: 1)
    try await slots.withSlot {
      let waiting = Task { try await slots.withSlot {} }
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
    }
    try await slots.withSlot {}
  }

  @Test(.enabled(if: GoogleClient.isInstalled, "run scripts/python-tools first"))
  func `Google's own Python client understands the service's answers and errors`() async throws {
    let song = try SpokenSong.make(Self.lines)
    let server = try Self.service().start()
    let answer = try await GoogleClient.ask(server.port, key: Self.key, wav: song.wav)
    #expect(answer["finish_reason"] == "STOP" && answer["model_version"] == "pocketsphinx-en-us")
    let text = try #require(answer["text"])
    let validation = try LyricsValidation(durationMilliseconds: song.audio.durationMilliseconds)
    let lines = try validation.lines(fromJSON: Data(text.utf8))
    #expect(lines.map(\.text).joined(separator: " ").contains("river"))
    #expect(!text.contains("words"), "words are only for those whose schema has them")
    let refusal = try await GoogleClient.ask(server.port, key: "guess", wav: song.wav)
    #expect(refusal == ["code": "400", "status": "INVALID_ARGUMENT", "message": "API key not valid. Please pass a valid API key."])
  }

  private static func service() -> OfflineLyricsService {
    OfflineLyricsService(.init(apiKey: key), client: HTTPClient())
  }

  private func provider(_ server: HTTPServer, key: String = Self.key, model: String = "pocketsphinx-en-us") throws -> GeminiProvider {
    let configuration = try GeminiProvider.Configuration(baseURL: "http://127.0.0.1:\(server.port)", model: model, apiKey: key)
    return GeminiProvider(configuration, client: HTTPClient())
  }

  private func request(_ song: SpokenSong, audio: LyricsRequest.Audio, supplied: String? = nil) throws -> LyricsRequest {
    LyricsRequest(
      trackID: "track", title: "River", artist: "Nobody", durationMilliseconds: try song.audio.durationMilliseconds, audio: audio,
      suppliedLyrics: supplied)
  }
}
