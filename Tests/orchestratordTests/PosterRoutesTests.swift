import Foundation
import HTTP
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

@Suite struct PosterRoutesTests {
  /// A picture that ffmpeg draws.
  private static func picture(_ ending: String, size: String = "640x480") async throws -> [UInt8] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "poster-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/picture.\(ending)"
    try await Subprocess(
      "/usr/bin/ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc=size=\(size)", "-frames:v", "1", "-update", "1", path], in: folder
    ).run()
    return [UInt8](try #require(FileManager.default.contents(atPath: path)))
  }

  private static func put(
    _ api: TestAPI, _ id: TrackID, _ picture: [UInt8], ifMatch: String? = "*", as token: String = "artist-token-0001", key: String? = nil
  ) async throws -> Answer {
    var headers: HTTPHeaders = ["Content-Type": "application/octet-stream"]
    headers["If-Match"] = ifMatch
    headers["Idempotency-Key"] = key
    return try await api.send(.put, "/api/v1/tracks/\(id)/poster", as: token, headers: headers, body: picture)
  }

  @Test(arguments: ["jpg", "png", "webp"])
  func `A picture of each type becomes a JPEG of ours`(ending: String) async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    var picture = try await Self.picture(ending)
    if ending == "jpg" {
      let remark = Array("a secret place".utf8)
      picture.insert(contentsOf: [0xFF, 0xFE, 0, UInt8(remark.count + 2)] + remark, at: 2)
    }
    let answer = try await Self.put(api, id, picture, ifMatch: "\"1\"")
    #expect(answer.status == 200 && answer.response.headers["ETag"] == "\"2\"")
    let url = try #require(answer.text("posterUrl"))
    let shown = try await api.send(.get, url)
    let jpeg = try #require(shown.fileBytes)
    #expect(shown.response.headers["Content-Type"] == "image/jpeg")
    #expect(try ImageHeader(jpeg) == ImageHeader(format: .jpeg, width: 640, height: 480))
    #expect(Data(jpeg).range(of: Data("secret".utf8)) == nil, "metadata is not kept")
    #expect(try await api.send(.get, url, as: "other-token-00001").status == 404)
    #expect(try await api.send(.get, "/stream/\(id)/poster.jpg", as: nil).status == 403)
    try await api.catalog.changeStatus(id, to: .published, because: nil, by: "test", requestKey: "publish")
    let streamed = try await api.send(.get, "/stream/\(id)/poster.jpg", as: nil)
    #expect(streamed.status == 200 && streamed.fileBytes == jpeg)
  }

  @Test func `Another poster takes the place of the first, and what counts no more is removed`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let before = api.files.count
    let (small, large) = (try await Self.picture("png", size: "200x300"), try await Self.picture("png", size: "2400x1200"))
    let first = try await Self.put(api, id, small, key: "p")
    let again = try await Self.put(api, id, small, key: "p")
    #expect(first.status == 200 && again.response.headers["Idempotent-Replayed"] == "true" && api.files.count == before + 1)
    #expect(try await Self.put(api, id, large, ifMatch: "\"2\"").status == 200)
    #expect(api.files.count == before + 1)
    let shown = try await api.send(.get, "/api/v1/tracks/\(id)/poster")
    #expect(try ImageHeader(try #require(shown.fileBytes)) == ImageHeader(format: .jpeg, width: 2000, height: 1000))
    #expect(try await api.send(.delete, "/api/v1/tracks/\(id)/poster", headers: ["If-Match": "\"3\""]).status == 200)
    #expect(try await api.send(.get, "/api/v1/tracks/\(id)/poster").problem == "file-not-found")
    #expect(api.files.count == before)
  }

  /// A header of a PNG that promises so many pixels, and nothing behind it.
  private static func png(_ width: UInt32, _ height: UInt32) -> [UInt8] {
    func big(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + big(13) + Array("IHDR".utf8) + big(width) + big(height) + [8, 6, 0, 0, 0]
      + big(0)
  }

  @Test func `What is no picture, or a bomb, is refused and leaves nothing behind`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let files = api.files
    let animated = Array("RIFF".utf8) + [0, 0, 0, 0] + Array("WEBPVP8X".utf8) + [10, 0, 0, 0, 2, 0, 0, 0] + Array(repeating: 9, count: 6)
    let attacks: [(String, [UInt8], Int)] = [
      ("empty", [], 415), ("text", Array("<svg onload=alert(1)>".utf8), 415), ("GIF", Array("GIF89a".utf8) + [1, 0, 1, 0], 415),
      ("a playlist", Array("#EXTM3U\nfile:///etc/passwd".utf8), 415), ("header only", Self.png(640, 480), 422),
      ("a bomb", Self.png(50_000, 50_000), 422), ("overflow", Self.png(.max, .max), 422), ("no pixels", Self.png(0, 480), 422),
      ("tiny", try await Self.picture("png", size: "64x64"), 422), ("animated", animated, 422),
      ("cut", Array(try await Self.picture("jpg").prefix(200)), 422), ("JPEG without a frame", [0xFF, 0xD8, 0xFF, 0xD9], 422),
      ("too many bytes", Array(repeating: 0xFF, count: Poster.maximumBytes + 1), 413),
    ]
    for (name, bytes, status) in attacks {
      let answer = try await Self.put(api, id, bytes)
      #expect(answer.status == status && answer.problem != nil, "\(name): \(answer.status)")
    }
    let good = try await Self.picture("png", size: "300x300")
    #expect(try await Self.put(api, id, good, ifMatch: nil).status == 428)
    #expect(try await Self.put(api, id, good, ifMatch: "\"9\"").status == 412)
    #expect(try await Self.put(api, id, good, as: "other-token-00001").status == 404)
    #expect(api.files == files)
    #expect(try await api.catalog.track(id).revision == 1)
  }
}

extension ImageHeader {
  /// For comparisons: a header cannot be made otherwise than by reading.
  fileprivate init(format: Format, width: Int, height: Int) throws {
    let sides = [width >> 8, width & 0xFF, height >> 8, height & 0xFF].map { UInt8($0) }
    precondition(format == .jpeg)
    try self.init([0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, sides[2], sides[3], sides[0], sides[1]])
  }
}
