import Foundation
import HTTP
import Synchronization
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

/// Whatever the external AI does, over real HTTP: no track is stuck or lost.
@Suite struct LyricsFaultsTests {
  /// How the service answers, chosen by the title of the song.
  enum Fault: String, CaseIterable {
    case busy, unavailable, silent, truncated, wrongSchema, timesOutOfOrder, refusal
    /// Busy once, then lyrics.
    case recovers
  }

  /// An AI that looks at the title and misbehaves accordingly.
  private final class FaultyService: Sendable {
    private let recoveries = Mutex(0)

    func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
      let body = String(decoding: try await request.body.collect(upTo: 20 << 20), as: UTF8.self)
      guard let fault = Fault.allCases.first(where: { body.contains("fault-\($0.rawValue)-") }) else { return HTTPResponse(.notFound) }
      switch fault {
      case .busy: return Self.busy
      case .unavailable:
        return .json(Array(#"{"error":{"code":503,"status":"UNAVAILABLE","message":"later"}}"#.utf8), status: .serviceUnavailable)
      case .silent: return HTTPResponse()
      case .truncated: return .json(Array(#"{"candidates":[{"content":{"parts":[{"te"#.utf8))
      case .wrongSchema: return Self.lyrics(#"{"words":["la"]}"#)
      case .timesOutOfOrder:
        return Self.lyrics(
          #"{"lines":[{"startTime":2000,"endTime":2500,"text":"b"},{"startTime":100,"endTime":900,"text":"a"}]}"#)
      case .refusal: return .json(Array(#"{"promptFeedback":{"blockReason":"SAFETY"}}"#.utf8))
      case .recovers:
        let isFirst = recoveries.withLock { count in
          count += 1
          return count == 1
        }
        return isFirst ? Self.busy : Self.lyrics(#"{"lines":[{"startTime":100,"endTime":900,"text":"la"}]}"#)
      }
    }

    private static var busy: HTTPResponse {
      var response = HTTPResponse.json(
        Array(#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"slow down"}}"#.utf8), status: .tooManyRequests)
      response.headers["Retry-After"] = "1"
      return response
    }

    private static func lyrics(_ text: String) -> HTTPResponse {
      let answer = ["candidates": [["content": ["role": "model", "parts": [["text": text]]], "finishReason": "STOP"]]]
      return .json((try? JSONSerialization.data(withJSONObject: answer)).map { [UInt8]($0) } ?? [])
    }
  }

  @Test func `Every fault of the AI is retried or ends as failed lyrics with a reason, and the track goes to its review`() async throws {
    let faulty = FaultyService()
    var router = Router()
    router.on(.post, "/v1beta/models/{operation}") { try await faulty.answer($0) }
    let server = try HTTPServer(router: router)
    let configuration = try GeminiProvider.Configuration(
      baseURL: "http://127.0.0.1:\(server.port)", model: "test", apiKey: "key", timeout: .seconds(10))
    try await LiveService.run(lyrics: GeminiProvider(configuration, client: HTTPClient())) { service in
      let song = try await service.song()
      var tracks: [(Fault, TrackID)] = []
      for fault in Fault.allCases { tracks.append((fault, try await service.upload(song, title: "fault-\(fault.rawValue)-"))) }
      for (fault, id) in tracks {
        _ = try await service.track(id, reaching: .reviewing)
        if fault == .recovers {
          _ = try await service.track(id, withLyrics: .completed)
        } else {
          let failed = try await service.track(id, withLyrics: .failed)
          let reason = (failed["lyrics"] as? [String: Any])?["reason"] as? String
          #expect(reason?.isEmpty == false, "\(fault) needs a reason")
          #expect(reason?.contains("key") != true, "\(fault) must not show the key")
        }
      }
      for (_, id) in tracks {
        #expect(try await service.review(id, #"{"decision":"approve"}"#).status == 202)
        _ = try await service.track(id, reaching: .published)
      }
    }
    await server.drain(within: .seconds(5))
  }
}
