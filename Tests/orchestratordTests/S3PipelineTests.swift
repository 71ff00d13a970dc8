import Foundation
import TestSupport
import Testing

@testable import Activities
@testable import HTTP
@testable import Workflows
@testable import orchestratord

/// The whole way of a song with its files in a bucket of a store that is not ours.
@Suite struct S3PipelineTests {
  @Test(.enabled(if: PythonTool.isInstalled, "run scripts/python-tools first"))
  func `A song sent straight to a bucket is processed there, published, and heard in ranges`() async throws {
    let moto = try MotoServer(checksSignatures: false)
    let credentials = SigningCredentials(keyID: moto.keyID, secret: moto.secret, region: MotoServer.region)
    let bucket = try Bucket("music", at: moto.endpoint, credentials)
    try await LiveService.run(bucket: bucket) { service in
      let song = try await service.song()
      let json = #"{"fileName":"song.mp3","sizeBytes":\#(song.count),"method":"direct","title":"Blue"}"#
      let plan = try await service.send(
        .post, "/api/v1/uploads/request", headers: ["Content-Type": "application/json"], body: Array(json.utf8))
      #expect(plan.status == 201)
      let id = try #require(TrackID(plan.text("trackId") ?? ""))
      var put = HTTPClientRequest(
        .put, try #require(plan.text("uploadUrl")), headers: ["Content-Type": "audio/mpeg"], body: .bytes(song))
      put.addressPolicy = .publicOrLoopback
      let client = HTTPClient()
      #expect(try await client.send(put).status == .ok)
      #expect(try await service.send(.post, "/api/v1/uploads/confirm/\(id)").status == 202)
      _ = try await service.track(id, reaching: .reviewing)
      _ = try await service.review(id, #"{"decision":"approve"}"#)
      _ = try await service.track(id, reaching: .published)
      _ = try await service.track(id, withLyrics: .completed)
      #expect(try await service.stagedFiles().isEmpty)
      #expect(try await service.store.list(in: TrackKeys.incoming(), after: nil, limit: 10).isEmpty)
      let server = try HTTPServer(router: service.router)
      let url = "http://127.0.0.1:\(server.port)/stream/\(id)"
      #expect(try await Curl.run(["\(url)/master.m3u8"]).contains("high.m3u8"))
      #expect(try await Curl.run(["-o", "/dev/null", "-w", "%{http_code} %{size_download}", url]) == "200 \(song.count)")
      let part = try await Curl.run(["-o", "/dev/null", "-D", "-", "-w", "%{size_download}", "-r", "100-1099", url])
      #expect(part.contains("206") && part.contains("bytes 100-1099/\(song.count)") && part.hasSuffix("1000"), "\(part)")
      let low = try await Curl.run(["-o", "/dev/null", "-w", "%{http_code} %{content_type}", "\(url)/low_000.aac"])
      #expect(low == "200 audio/aac")
      await server.drain(within: .seconds(5))
    }
  }
}
