import Cryptography
import Foundation
import HTTP
import PostgreSQL
import TestSupport
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

/// Uploads in parts by tus 1.0.0: every sentence of the protocol that a client may rely on.
@Suite struct ResumableUploadTests {
  @Test func `A file that comes in parts becomes a track with its last byte`() async throws {
    let api = try await TestAPI()
    let url = try await api.begin(10, ["filename": "song.wav", "title": "Blue", "tags": "a,b", "language": "en"])
    let id = try #require(TrackID(String(url.split(separator: "/").last ?? "")))
    #expect(api.files == ["objects/staging/\(id).wav"])
    let first = try await api.patch(url, at: 0, "0123")
    #expect(first.status == 204 && first.response.headers["Upload-Offset"] == "4" && first.response.headers["Upload-Expires"] != nil)
    #expect(first.response.headers["Track-Id"] == nil)
    await #expect(throws: CatalogError.self) { _ = try await api.catalog.track(id) }
    let head = try await api.tus(.head, url)
    #expect(head.status == 200 && head.response.headers["Upload-Offset"] == "4" && head.response.headers["Upload-Length"] == "10")
    #expect(head.response.headers["Cache-Control"] == "no-store" && head.response.headers["Tus-Resumable"] == "1.0.0")
    #expect(head.response.headers["Upload-Metadata"]?.contains("title Qmx1ZQ==") == true)
    let last = try await api.patch(url, at: 4, "456789")
    #expect(last.status == 204 && last.response.headers["Upload-Offset"] == "10")
    #expect(last.response.headers["Track-Id"] == id.description && last.response.headers["Track-Status-Url"] == "/api/v1/tracks/\(id)")
    let track = try await api.catalog.track(id)
    #expect(track.title == "Blue" && track.tags == ["a", "b"] && track.mediaType == "audio/wav" && track.artistID == "anna")
    #expect(track.sha256 == Digest.sha256("0123456789".utf8) && track.sizeBytes == 10 && track.fileName == "song.wav")
    #expect(try await api.store.open(ObjectKey(track.sourceKey)).read(at: 0, count: 99) == Array("0123456789".utf8))
    let document = try await api.send(.get, url)
    #expect(document.text("trackId") == id.description && document.text("statusUrl") == "/api/v1/tracks/\(id)")
    #expect(try await api.tus(.head, url).response.headers["Track-Id"] == id.description)
    #expect(try await api.tus(.delete, url).problem == "upload-accepted")
    #expect(try await api.patch(url, at: 10, "").status == 204)
    #expect(try await api.patch(url, at: 10, "x").problem == "upload-offset-mismatch")
  }

  @Test func `What is spoken is told to everybody who asks`() async throws {
    let api = try await TestAPI()
    let answer = try await api.send(.options, "/api/v1/uploads/resumable", as: nil)
    #expect(
      answer.status == 204 && answer.response.headers["Tus-Version"] == "1.0.0" && answer.response.headers["Tus-Resumable"] == "1.0.0")
    #expect(answer.response.headers["Tus-Extension"] == "creation,creation-with-upload,expiration,checksum,termination")
    #expect(answer.response.headers["Tus-Max-Size"] == String(10 << 30))
    #expect(answer.response.headers["Tus-Checksum-Algorithm"] == "sha1,sha256")
  }

  @Test func `An upload may bring its first bytes along, and all of them`() async throws {
    let api = try await TestAPI()
    let some = try await api.create(10, ["filename": "a.mp3"], body: "0123")
    #expect(some.status == 201 && some.response.headers["Upload-Offset"] == "4" && some.text("channelToken") != nil)
    let url = try #require(some.response.headers["Location"])
    #expect(try await api.patch(url, at: 4, "456789").status == 204)
    let all = try await api.create(4, ["filename": "a.mp3"], body: "0123")
    #expect(all.status == 201 && all.response.headers["Track-Id"] != nil && all.text("statusUrl") != nil)
  }

  @Test func `A request that is sent again makes no second upload`() async throws {
    let api = try await TestAPI()
    let first = try await api.create(10, ["filename": "a.mp3"], key: "k")
    let again = try await api.create(10, ["filename": "a.mp3"], key: "k")
    #expect(first.status == 201 && first.response.headers["Location"] == again.response.headers["Location"])
    #expect(try await api.create(11, ["filename": "a.mp3"], key: "k").problem == "idempotency-key-reused")
    #expect(api.files.count == 1)
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var method = HTTPMethod.patch
    var headers: [String: String] = [:]
    var body = "4567"
    let status: Int
    let problem: String
  }

  static let refusals = [
    Refusal(testDescription: "no version", headers: ["Tus-Resumable": ""], status: 412, problem: "tus-version"),
    Refusal(testDescription: "another version", headers: ["Tus-Resumable": "0.2.2"], status: 412, problem: "tus-version"),
    Refusal(
      testDescription: "HEAD in another version", method: .head, headers: ["Tus-Resumable": "2.0.0"], status: 412, problem: "tus-version"),
    Refusal(testDescription: "no type", headers: ["Content-Type": ""], status: 415, problem: "upload-content-type"),
    Refusal(testDescription: "JSON", headers: ["Content-Type": "application/json"], status: 415, problem: "upload-content-type"),
    Refusal(testDescription: "an earlier offset", headers: ["Upload-Offset": "0"], status: 409, problem: "upload-offset-mismatch"),
    Refusal(testDescription: "a later offset", headers: ["Upload-Offset": "5"], status: 409, problem: "upload-offset-mismatch"),
    Refusal(testDescription: "no offset", headers: ["Upload-Offset": ""], status: 400, problem: "invalid-upload-header"),
    Refusal(testDescription: "a negative offset", headers: ["Upload-Offset": "-4"], status: 400, problem: "invalid-upload-header"),
    Refusal(testDescription: "an offset with a sign", headers: ["Upload-Offset": "+4"], status: 400, problem: "invalid-upload-header"),
    Refusal(
      testDescription: "a giant offset", headers: ["Upload-Offset": "99999999999999999999"], status: 400, problem: "invalid-upload-header"),
    Refusal(testDescription: "too many bytes", body: "4567890", status: 413, problem: "upload-too-large"),
    Refusal(
      testDescription: "another digest", headers: ["Upload-Checksum": "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="], status: 460,
      problem: "checksum-mismatch"),
    Refusal(
      testDescription: "an unknown algorithm", headers: ["Upload-Checksum": "md5 Kq5sNclPz7QV2+lfQIuc6R7oRu0="], status: 400,
      problem: "invalid-upload-header"),
    Refusal(
      testDescription: "a digest that is too short", headers: ["Upload-Checksum": "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0="], status: 400,
      problem: "invalid-upload-header"),
    Refusal(testDescription: "no digest", headers: ["Upload-Checksum": "sha1"], status: 400, problem: "invalid-upload-header"),
  ]

  @Test("What breaks the protocol is refused by its status and moves nothing")
  func refused() async throws {
    let api = try await TestAPI()
    let url = try await api.begin(10, ["filename": "a.mp3"])
    _ = try await api.patch(url, at: 0, "0123")
    for refusal in Self.refusals {
      var headers: HTTPHeaders = ["Upload-Offset": "4", "Content-Type": "application/offset+octet-stream"]
      for (name, value) in refusal.headers { headers[name] = value.isEmpty ? nil : value }
      let answer = try await api.tus(refusal.method, url, headers: headers, body: refusal.body, version: refusal.headers["Tus-Resumable"])
      #expect(answer.status == refusal.status && answer.problem == refusal.problem, "\(refusal.testDescription)")
      #expect(answer.response.headers["Tus-Resumable"] == "1.0.0")
      if refusal.status == 412 { #expect(answer.response.headers["Tus-Version"] == "1.0.0") }
      #expect(try await api.tus(.head, url).response.headers["Upload-Offset"] == "4", "\(refusal.testDescription)")
    }
    let right = Data(Digest.sha256("4567".utf8)).base64EncodedString()
    #expect(try await api.patch(url, at: 4, "4567", checksum: "sha256 \(right)").response.headers["Upload-Offset"] == "8")
    var hasher = DigestHasher(.sha1)
    hasher.update(Array("89".utf8))
    let last = try await api.patch(url, at: 8, "89", checksum: "sha1 \(Data(hasher.finalize()).base64EncodedString())")
    #expect(last.response.headers["Track-Id"] != nil)
  }

  static let badCreations: [(name: String, length: String?, metadata: String?, status: Int, problem: String)] = [
    ("no length", nil, "filename YS5tcDM=", 400, "invalid-upload-header"), ("no bytes", "0", "filename YS5tcDM=", 422, "invalid-audio"),
    ("a negative length", "-1", "filename YS5tcDM=", 400, "invalid-upload-header"),
    ("a length that is none", "1e3", "filename YS5tcDM=", 400, "invalid-upload-header"),
    ("too long", "1001", "filename YS5tcDM=", 413, "upload-too-large"), ("no type and no name", "10", nil, 415, "invalid-audio"),
    ("another type", "10", "filename YS50eHQ=,filetype dGV4dC9wbGFpbg==", 415, "invalid-audio"),
    ("no Base64", "10", "filename a.mp3", 400, "invalid-upload-header"),
    ("Base64 cut short", "10", "filename YS5tcDM", 400, "invalid-upload-header"),
    ("two spaces", "10", "filename  YS5tcDM=", 400, "invalid-upload-header"),
    ("three words", "10", "filename YQ== YQ==", 400, "invalid-upload-header"),
    ("a field twice", "10", "filename YS5tcDM=,filename YS5tcDM=", 400, "repeated-field"),
    ("a field that is not known", "10", "filename YS5tcDM=,colour cmVk", 400, "unknown-field"),
    ("no UTF-8", "10", "filename YS5tcDM=,title //79", 422, "invalid-value"),
    ("a control character", "10", "filename YS5tcDM=,title YQdi", 422, "invalid-value"),
    ("no language", "10", "filename YS5tcDM=,language ISEh", 422, "invalid-value"),
    ("too much", "10", "filename YS5tcDM=,lyrics " + String(repeating: "YWFh", count: 9000), 413, "form-too-large"),
  ]

  @Test func `An upload that could never be accepted is refused before its first byte and leaves nothing behind`() async throws {
    var limits = UploadLimits()
    limits.resumableBytes = 1000
    let api = try await TestAPI(limits: limits)
    for bad in Self.badCreations {
      var headers: HTTPHeaders = [:]
      headers["Upload-Length"] = bad.length
      headers["Upload-Metadata"] = bad.metadata
      let answer = try await api.tus(.post, "/api/v1/uploads/resumable", headers: headers)
      #expect(answer.status == bad.status && answer.problem == bad.problem, "\(bad.name)")
    }
    #expect(api.files.isEmpty)
    let path = try await api.begin(10, ["filename": "../../etc/passwd.mp3"])
    #expect(path.hasPrefix("/api/v1/uploads/resumable/") && api.files.count == 1 && api.files[0].hasPrefix("objects/staging/"))
  }

  @Test func `To all but its owner an upload does not exist`() async throws {
    let api = try await TestAPI()
    let url = try await api.begin(10, ["filename": "a.mp3"])
    let part: HTTPHeaders = ["Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"]
    for method in [HTTPMethod.head, .get, .patch, .delete] {
      #expect(try await api.tus(method, url, as: "other-token-00001", headers: part, body: "x").problem == "upload-not-found")
      #expect(try await api.tus(method, url, as: "admin-token-00001", headers: part, body: "x").status == 403)
      #expect(try await api.tus(method, url, as: nil, headers: part, body: "x").status == 401)
      #expect(try await api.tus(method, "/api/v1/uploads/resumable/\(UUID())", headers: part).problem == "upload-not-found")
      #expect(try await api.tus(method, "/api/v1/uploads/resumable/x", headers: part).problem == "upload-not-found")
    }
    #expect(try await api.tus(.head, url).response.headers["Upload-Offset"] == "0")
  }

  @Test func `An upload that is ended is gone with its bytes`() async throws {
    let api = try await TestAPI()
    let url = try await api.begin(10, ["filename": "a.mp3"])
    _ = try await api.patch(url, at: 0, "0123")
    #expect(try await api.tus(.delete, url).status == 204)
    #expect(api.files.isEmpty)
    #expect(try await api.tus(.head, url).status == 404)
    #expect(try await api.patch(url, at: 4, "4").problem == "upload-not-found")
  }

  @Test func `While one request writes, others are told to wait; of many at once the parts never mix`() async throws {
    let api = try await TestAPI()
    let url = try await api.begin(2_000_000, ["filename": "a.mp3"])
    let id = try #require(TrackID(String(url.split(separator: "/").last ?? "")))
    let held = try #require(try await api.store.appender(to: TrackKeys.staged(id, as: .mpeg)))
    let refused = try await api.patch(url, at: 0, "0123")
    #expect(refused.status == 423 && refused.problem == "upload-busy" && refused.response.headers["Retry-After"] == "1")
    #expect(try await api.tus(.delete, url).status == 423)
    held.close()
    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
      for letter in ["a", "b", "c", "d", "e", "f"] {
        group.addTask { try await api.patch(url, at: 0, String(repeating: letter, count: 1_000_000)).status }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(statuses.count { $0 == 204 } == 1 && statuses.allSatisfy { [204, 409, 423].contains($0) }, "\(statuses)")
    let bytes = try await api.store.open(TrackKeys.staged(id, as: .mpeg)).read(at: 0, count: 2_000_000)
    #expect(bytes.count == 1_000_000 && Set(bytes).count == 1)
  }

  @Test func `A connection that breaks in the middle of a part keeps what arrived`() async throws {
    let api = try await TestAPI()
    let server = try HTTPServer(router: api.router)
    let url = try await api.begin(1_000_000, ["filename": "a.mp3"])
    let path = api.folder + ".part"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(repeating: 7, count: 300_000).write(to: URL(fileURLWithPath: path))
    // The whole is announced, a third of it comes, and the client goes.
    _ = try? await Curl.run([
      "-X", "PATCH", "--max-time", "0.5", "-H", "Authorization: Bearer artist-token-0001", "-H", "Tus-Resumable: 1.0.0", "-H",
      "Upload-Offset: 0",
      "-H", "Content-Type: application/offset+octet-stream", "-H", "Content-Length: 1000000", "--data-binary", "@\(path)",
      "http://127.0.0.1:\(server.port)\(url)",
    ])
    try await eventually("what arrived is recorded") {
      try await api.tus(.head, url).response.headers["Upload-Offset"] == "300000"
    }
    try await eventually("the upload is free again") {
      try await api.patch(url, at: 300_000, String(repeating: "x", count: 700_000)).status == 204
    }
    #expect(try await api.tus(.head, url).response.headers["Track-Id"] != nil)
    await server.drain(within: .seconds(2))
  }

  @Test func `What stands behind the recorded offset is not believed, and a file that lost bytes is not continued`() async throws {
    let api = try await TestAPI()
    let url = try await api.begin(10, ["filename": "a.mp3"])
    _ = try await api.patch(url, at: 0, "0123")
    let id = try #require(TrackID(String(url.split(separator: "/").last ?? "")))
    // As after a kill -9 between the disk and the database.
    let file = try #require(try await api.store.appender(to: TrackKeys.staged(id, as: .mpeg)))
    try file.begin(at: 4)
    try Array("never recorded".utf8).withUnsafeBytes { try file.append($0) }
    file.close()
    #expect(try await api.patch(url, at: 4, "456789").response.headers["Track-Id"] == id.description)
    #expect(try await api.catalog.track(id).sha256 == Digest.sha256("0123456789".utf8))
    let lost = try await api.begin(10, ["filename": "a.mp3"])
    _ = try await api.patch(lost, at: 0, "0123")
    let other = try #require(TrackID(String(lost.split(separator: "/").last ?? "")))
    try await api.store.put([1], at: TrackKeys.staged(other, as: .mpeg))
    #expect(try await api.patch(lost, at: 4, "456789").status == 404)
  }

  @Test func `Uploads that stand still expire and are swept; those that are whole are accepted by whoever looks`() async throws {
    var limits = UploadLimits()
    limits.resumableWithin = .seconds(2)
    let api = try await TestAPI(limits: limits)
    let url = try await api.begin(10, ["filename": "a.mp3"])
    _ = try await api.patch(url, at: 0, "0123")
    try await eventually("the upload expires") { try await api.tus(.head, url).status == 410 }
    #expect(try await api.patch(url, at: 4, "4567").problem == "upload-expired")
    try await api.resumable.runOnce()
    #expect(api.files.isEmpty)
    #expect(try await api.tus(.head, url).status == 404)
    // Whole, and its process was killed before it was accepted.
    let patient = try await TestAPI()
    for isAsked in [true, false] {
      let id = try #require(TrackID(String(try await patient.begin(4, ["filename": "a.mp3"]).split(separator: "/").last ?? "")))
      let file = try #require(try await patient.store.appender(to: TrackKeys.staged(id, as: .mpeg)))
      try Array("0123".utf8).withUnsafeBytes { try file.append($0) }
      file.close()
      #expect(try await patient.catalog.advance(id, from: 0, to: 4, lifetime: .hours(1)) != nil)
      if isAsked {
        #expect(try await patient.tus(.head, "/api/v1/uploads/resumable/\(id)").response.headers["Track-Id"] == id.description)
      } else {
        try await patient.resumable.runOnce(graceTime: .zero)
      }
      #expect(try await patient.catalog.track(id).status == .pending)
    }
    // The sweep of staging leaves alone what still comes, however old.
    let open = try await patient.begin(10, ["filename": "a.mp3"])
    #expect(try await PipelineUpkeep(store: patient.store, catalog: patient.catalog, stagingAge: .zero).sweepStaging() == 0)
    #expect(try await patient.patch(open, at: 0, "0123").status == 204)
  }
}

extension TestAPI {
  func tus(
    _ method: HTTPMethod, _ target: String, as token: String? = "artist-token-0001", headers: HTTPHeaders = [:], body: String = "",
    version: String? = nil
  ) async throws -> Answer {
    var headers = headers
    headers["Tus-Resumable"] = version.map { $0.isEmpty ? nil : $0 } ?? "1.0.0"
    return try await send(method, target, as: token, headers: headers, body: Array(body.utf8))
  }

  func create(
    _ length: Int, _ metadata: [String: String], body: String? = nil, key: String? = nil, as token: String = "artist-token-0001"
  ) async throws -> Answer {
    var headers: HTTPHeaders = ["Upload-Length": String(length)]
    headers["Upload-Metadata"] = metadata.sorted { $0.key < $1.key }.map { "\($0.key) \(Data($0.value.utf8).base64EncodedString())" }
      .joined(separator: ",")
    headers["Idempotency-Key"] = key
    if body != nil { headers["Content-Type"] = "application/offset+octet-stream" }
    return try await tus(.post, "/api/v1/uploads/resumable", as: token, headers: headers, body: body ?? "")
  }

  /// The address of a new upload.
  func begin(_ length: Int, _ metadata: [String: String]) async throws -> String {
    let answer = try await create(length, metadata)
    #expect(answer.status == 201)
    return try #require(answer.response.headers["Location"])
  }

  func patch(_ url: String, at offset: Int, _ bytes: String, checksum: String? = nil) async throws -> Answer {
    var headers: HTTPHeaders = ["Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream"]
    headers["Upload-Checksum"] = checksum
    return try await tus(.patch, url, headers: headers, body: bytes)
  }
}
