import Cryptography
import Foundation
import HTTP
import Orchestrator
import Synchronization
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

/// Jobs that a service elsewhere does: a real one on a port of its own, over HTTP.
@Suite struct ProcessorTests {
  /// The separator of a small studio: it fetches what it is given, and answers in the way that the parameters ask for.
  private final class Studio: Sendable {
    struct Call: Sendable {
      let id: String
      let inputURL: String
      let callbackURL: String
      let token: String
      let inputBytes: Int
    }

    let secret = WebhookSecret.random()
    let calls = Mutex<[Call]>([])
    let failures = Mutex(0)
    let looks = Mutex(0)
    private let client = HTTPClient()
    private let sound: [UInt8]
    private let server = Mutex<HTTPServer?>(nil)

    init(sound: [UInt8]) throws {
      self.sound = sound
      var router = Router()
      router.on(.post, "/process") { try await self.take($0) }
      router.on(.get, "/state") { request in
        try self.requireSignature(of: request, [])
        let count = self.looks.withLock {
          $0 += 1
          return $0
        }
        return .json(Array((count < 3 ? #"{"status":"processing","progress":40}"# : self.result).utf8))
      }
      router.on(.get, "/vocals.mp3") { _ in HTTPResponse(headers: ["Content-Type": "audio/mpeg"], body: .bytes(self.sound)) }
      router.on(.get, "/text.mp3") { _ in HTTPResponse(headers: [:], body: .bytes(Array("no sound at all".utf8))) }
      let started = try HTTPServer(router: router)
      server.withLock { $0 = started }
    }

    var base: String { "http://127.0.0.1:\(server.withLock { $0?.port ?? 0 })" }

    var result: String { Self.result("\(base)/vocals.mp3") }

    static func result(_ url: String) -> String {
      """
      {"status":"completed","metadata":{"model":"4 stems"},"files":[{"kind":"vocals","url":"\(url)","mediaType":"audio/mpeg"},
      {"kind":"instrumental","url":"\(url)","mediaType":"audio/mpeg"}]}
      """
    }

    private func requireSignature(of request: HTTPRequest, _ body: [UInt8]) throws {
      try WebhookSignature.verify(
        id: request.headers[WebhookSignature.idHeader], timestamp: request.headers[WebhookSignature.timestampHeader],
        signature: request.headers[WebhookSignature.signatureHeader], body: body, by: [secret], now: Int64(Date().timeIntervalSince1970))
    }

    private func take(_ request: HTTPRequest) async throws -> HTTPResponse {
      let body = try await request.body.collect(upTo: 1 << 20)
      try requireSignature(of: request, body)
      let json = try #require(try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
      let parameters = try #require(json["parameters"] as? [String: Any])
      let isDown = failures.withLock {
        $0 -= 1
        return $0 >= 0
      }
      if isDown { return HTTPResponse(.serviceUnavailable, headers: ["Retry-After": "0"]) }
      let input = try #require(json["input"] as? [String: Any])
      let url = try #require(input["url"] as? String)
      var fetch = HTTPClientRequest(.get, url)
      fetch.addressPolicy = .publicOrLoopback
      let fetched = try await client.send(fetch)
      let callback = try #require(json["callback"] as? [String: String])
      calls.withLock {
        $0.append(
          Call(
            id: json["jobId"] as? String ?? "", inputURL: url, callbackURL: callback["url"] ?? "", token: callback["token"] ?? "",
            inputBytes: fetched.body.count))
      }
      switch parameters["answer"] as? String {
      case "now": return .json(Array(result.utf8))
      case "poll": return .json(Array(#"{"status":"processing","statusUrl":"\#(base)/state"}"#.utf8), status: .accepted)
      case "refuse": return HTTPResponse(.unprocessableContent)
      case "text": return .json(Array(Self.result("\(base)/text.mp3").utf8))
      case "inside": return .json(Array(Self.result("http://10.0.0.1/secret.mp3").utf8))
      default: return HTTPResponse(.accepted)
      }
    }

    /// Reports as the studio would, or as somebody who is not the studio.
    func report(
      _ json: String, to call: Call, id: String = "msg_1", token: String? = nil, secret other: WebhookSecret? = nil, age: Int64 = 0
    ) async throws -> HTTPClientResponse {
      let body = Array(json.utf8)
      let time = Int64(Date().timeIntervalSince1970) - age
      var request = HTTPClientRequest(.post, call.callbackURL, body: .bytes(body))
      request.addressPolicy = .publicOrLoopback
      request.headers["Authorization"] = "Bearer \(token ?? call.token)"
      request.headers[WebhookSignature.idHeader] = id
      request.headers[WebhookSignature.timestampHeader] = String(time)
      request.headers[WebhookSignature.signatureHeader] = WebhookSignature.sign(
        id: id, timestamp: time, body: body, by: [other ?? secret])
      return try await client.send(request)
    }
  }

  /// A service whose jobs of type stems are done by the studio, and which the studio reaches.
  private static func run(
    timeout: Duration = .minutes(5), _ body: (LiveService, Studio, AssetID) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "studio-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let studio = try Studio(sound: try await LiveService.sound(in: folder))
    var processor = ExternalProcessor(type: "stems", url: "\(studio.base)/process", secret: studio.secret)
    processor.addressPolicy = .publicOrLoopback
    processor.pollEvery = .milliseconds(300)
    processor.timeout = timeout
    try await LiveService.run(processors: [processor]) { service in
      let id = try await service.upload(try await service.song())
      _ = try await service.track(id, reaching: .reviewing)
      try await body(service, studio, id)
    }
  }

  private static func submit(_ service: LiveService, _ id: AssetID, answer: String) async throws -> String {
    let json = #"{"type": "stems", "assetId": "\#(id)", "inputVersion": 1, "parameters": {"answer": "\#(answer)"}}"#
    let answer = try await service.send(.post, "/api/v1/jobs", headers: ["Content-Type": "application/json"], body: Array(json.utf8))
    return try #require(answer.text("id"), "\(answer.json)")
  }

  private static func call(_ studio: Studio, of job: String, count: Int = 1) async throws -> Studio.Call {
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      let calls = studio.calls.withLock { $0.filter { $0.id == job } }
      if calls.count >= count, let call = calls.last { return call }
      try #require(ContinuousClock.now < deadline, "the studio was not called")
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  @Test func `A processor that calls back adds one version with its files, whoever else calls and however often it does`() async throws {
    try await Self.run { service, studio, id in
      studio.failures.withLock { $0 = 1 }
      let job = try await Self.submit(service, id, answer: "later")
      let call = try await Self.call(studio, of: job)
      #expect(call.inputBytes > 10_000)
      let other = try await Self.call(studio, of: try await Self.submit(service, id, answer: "later"))
      let lie = #"{"status":"failed","error":"lie"}"#
      #expect(try await studio.report(lie, to: call, secret: .random()).status == .unauthorized)
      #expect(try await studio.report(lie, to: call, age: 301).status == .unauthorized)
      #expect(try await studio.report(lie, to: call, token: other.token).status == .unauthorized)
      for json in [
        "{", #"{"status":"done"}"#, #"{"status":"completed"}"#, Studio.result("file:///etc/passwd"),
        #"{"status":"processing","progress":101}"#,
      ] {
        #expect(try await studio.report(json, to: call).status == .unprocessableContent, "\(json)")
      }
      #expect(try await studio.report(#"{"status":"processing","progress":42}"#, to: call, id: "msg_0").status == .noContent)
      #expect(try await service.job(job) { _, _ in true }["progress"] as? Int == 42)
      for _ in 0..<2 { #expect(try await studio.report(studio.result, to: call).status == .noContent) }
      let done = try await service.job(job)
      #expect(done["status"] as? String == "completed" && done["createdVersion"] as? Int == 2, "\(done)")
      #expect(try await studio.report(lie, to: call, id: "msg_2").status == .noContent, "a late word changes nothing")
      #expect(try await service.job(job)["status"] as? String == "completed")
      let made = try await service.catalog.assetVersion(id, 2)
      #expect(made.files.map(\.kind) == ["instrumental", "vocals"] && made.files.map(\.key)[1] == "assets/\(id)/v2/vocals.mp3")
      #expect(made.metadata.text.contains("4 stems"))
    }
  }

  @Test func `A processor is asked for its result when it says where, and one that answers at once is believed at once`() async throws {
    try await Self.run { service, studio, id in
      let polled = try await service.job(try await Self.submit(service, id, answer: "poll"))
      #expect(polled["createdVersion"] as? Int == 2 && studio.looks.withLock { $0 } == 3, "\(polled)")
      #expect(try await service.job(try await Self.submit(service, id, answer: "now"))["createdVersion"] as? Int == 3)
    }
  }

  @Test func `What a processor refuses, what is no sound, and what lies inside the network fails the job and leaves nothing`() async throws
  {
    try await Self.run(timeout: .seconds(2)) { service, studio, id in
      for (answer, code) in [
        ("refuse", "processor-failed"), ("text", "invalid-audio"), ("inside", "processor-failed"), ("never", "processor-timed-out"),
      ] {
        let job = try await service.job(try await Self.submit(service, id, answer: answer))
        #expect((job["error"] as? [String: Any])?["code"] as? String == code, "\(answer): \(job)")
      }
      #expect(try await service.catalog.asset(id).latestVersion == 1)
      #expect(try await service.stagedFiles().isEmpty)
    }
  }

  @Test func `A report for an earlier try of a job is not taken`() async throws {
    try await Self.run { service, studio, id in
      let job = try await Self.submit(service, id, answer: "later")
      let first = try await Self.call(studio, of: job)
      #expect(try await studio.report(#"{"status":"failed","error":"The song is too short."}"#, to: first).status == .noContent)
      let failed = try await service.job(job)
      #expect((failed["error"] as? [String: Any])?["message"] as? String == "The song is too short.")
      #expect(try await service.send(.post, "/api/v1/jobs/\(job)/retry").status == 202)
      let second = try await Self.call(studio, of: job, count: 2)
      #expect(try await studio.report(studio.result, to: first, id: "msg_3").status == .unauthorized)
      #expect(try await studio.report(studio.result, to: second, id: "msg_4").status == .noContent)
      #expect(try await service.job(job)["createdVersion"] as? Int == 2)
    }
  }
}
