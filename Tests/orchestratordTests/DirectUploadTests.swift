import Foundation
import PostgreSQL
import Testing

@testable import Activities
@testable import HTTP
@testable import Workflows
@testable import orchestratord

/// Uploads that go straight to the store: announced, sent by a presigned URL, confirmed by their artist or by the store.
@Suite struct DirectUploadTests {
  private static let song = Array("ID3 some song, sent straight to the store".utf8)

  private struct Announced {
    let answer: Answer
    let id: TrackID
    let url: String
    let headers: HTTPHeaders

    var key: String { answer.text("objectKey") ?? "" }

    init(_ answer: Answer) throws {
      self.answer = answer
      id = try #require(TrackID(answer.text("trackId") ?? ""))
      url = try #require(answer.text("uploadUrl"))
      var headers: HTTPHeaders = ["Host": "music.example:8080"]
      for (name, value) in answer.json["headers"] as? [String: String] ?? [:] { headers[name] = value }
      self.headers = headers
    }
  }

  private static func request(_ size: Int, _ more: String = "") -> String {
    #"{"fileName":"My song.mp3","contentType":"audio/mpeg","sizeBytes":\#(size),"method":"direct","title":"Blue","tags":["pop"]\#(more)}"#
  }

  private static func announce(_ api: TestAPI, _ json: String = request(song.count), as token: String = "artist-token-0001") async throws
    -> Answer
  {
    try await api.send(
      .post, "/api/v1/uploads/request", as: token, headers: ["Content-Type": "application/json", "Host": "music.example:8080"],
      body: Array(json.utf8))
  }

  private static func store(_ api: TestAPI, _ upload: Announced, _ bytes: [UInt8] = song) async throws -> Int {
    try await api.send(.put, upload.url, as: nil, headers: upload.headers, body: bytes).status
  }

  private static func confirm(_ api: TestAPI, _ id: TrackID, as token: String? = "artist-token-0001") async throws -> Answer {
    try await api.send(.post, "/api/v1/uploads/confirm/\(id)", as: token)
  }

  private static func notify(_ api: TestAPI, _ keys: [String], event: String = "s3:ObjectCreated:Put") async throws -> Answer {
    let records = keys.map { key in
      #"{"eventVersion":"2.0","eventSource":"minio:s3","eventName":"\#(event)","s3":{"bucket":{"name":"music"},"object":{"key":"\#(key)","size":41,"eTag":"x","sequencer":"17"}}}"#
    }
    return try await api.post(
      "/api/v1/uploads/notifications", json: #"{"EventName":"\#(event)","Records":[\#(records.joined(separator: ","))]}"#,
      as: "store-token-00001")
  }

  private static func counts(_ api: TestAPI) async throws -> [Int64] {
    let statement = Statement(
      name: "counts",
      sql:
        "select (select count(*) from music.tracks), (select count(*) from orchestrator.inbox), (select count(*) from music.notifications)")
    let rows = try await api.database.query(statement)
    return try (0..<3).map { try rows.int64(0, $0) }
  }

  @Test func `A file is announced, sent by its URL alone, confirmed, and starts the workflow of every upload`() async throws {
    let api = try await TestAPI()
    let answer = try await Self.announce(api)
    #expect(answer.status == 201 && answer.text("method") == "direct" && answer.text("httpMethod") == "PUT")
    let upload = try Announced(answer)
    #expect(upload.key == "incoming/\(upload.id).mp3")
    #expect(upload.url.hasPrefix("http://music.example:8080/storage/incoming/\(upload.id).mp3?"))
    #expect(upload.headers["Content-Length"] == "\(Self.song.count)" && upload.headers["Content-Type"] == "audio/mpeg")
    let early = try await Self.confirm(api, upload.id)
    #expect(early.status == 409 && early.problem == "upload-not-there")
    #expect(try await Self.counts(api) == [0, 0, 0])
    #expect(try await Self.store(api, upload) == 200)
    let first = try await Self.confirm(api, upload.id)
    #expect(first.status == 202 && first.text("trackId") == upload.id.description && first.text("channelToken") != nil)
    let track = try await api.catalog.track(upload.id)
    #expect(track.title == "Blue" && track.tags == ["pop"] && track.artistID == "anna" && track.fileName == "My song.mp3")
    #expect(track.sizeBytes == Int64(Self.song.count) && track.sourceKey == "staging/\(upload.id).mp3")
    for _ in 0..<3 {
      let again = try await Self.confirm(api, upload.id)
      #expect(again.status == 202 && again.response.headers["Idempotent-Replayed"] == "true")
    }
    #expect(try await Self.counts(api) == [1, 1, 1])
    #expect(api.files == ["objects/staging/\(upload.id).mp3"])
  }

  @Test func `What is stored by the URL after the confirmation changes nothing of the track, and goes`() async throws {
    let api = try await TestAPI()
    let upload = try Announced(try await Self.announce(api))
    _ = try await Self.store(api, upload)
    _ = try await Self.confirm(api, upload.id)
    let other = Array(Self.song.reversed())
    #expect(try await Self.store(api, upload, other) == 200)
    #expect(try await Self.confirm(api, upload.id).status == 202)
    let staged = try await api.store.open(TrackKeys.staged(upload.id, as: .mpeg))
    #expect(try await staged.read(at: 0, count: 1000) == Self.song)
    let upkeep = PipelineUpkeep(store: api.store, catalog: api.catalog, stagingAge: .zero)
    try await upkeep.runOnce()
    #expect(api.files == ["objects/staging/\(upload.id).mp3"], "the track's file stays")
  }

  @Test func `The store's notification does what confirming does, in any order and number`() async throws {
    let api = try await TestAPI()
    let uploads = try await [
      Announced(Self.announce(api)), Announced(Self.announce(api)), Announced(Self.announce(api)), Announced(Self.announce(api)),
    ]
    for upload in uploads.dropLast() { _ = try await Self.store(api, upload) }
    func sent(_ indices: [Int]) -> [String] { indices.map { uploads[$0].key.replacing("incoming/", with: "incoming%2F") } }
    #expect(try await Self.confirm(api, uploads[0].id).status == 202)
    let first = try await Self.notify(api, sent([2, 0, 1, 1, 3, 2]) + ["photos/a+b%C3%A5.jpg", "..%2Fetc%2Fpasswd", "%"])
    #expect(first.status == 200 && first.json["accepted"] as? Int == 2 && first.json["ignored"] as? Int == 7)
    for _ in 0..<2 { #expect(try await Self.notify(api, sent([1, 2, 0])).json["accepted"] as? Int == 0) }
    #expect(try await Self.confirm(api, uploads[1].id).status == 202)
    #expect(try await Self.counts(api) == [3, 3, 3])
    #expect(try await Self.store(api, uploads[3]) == 200)
    #expect(try await Self.notify(api, sent([3]), event: "s3:ObjectRemoved:Delete").json["accepted"] as? Int == 0)
    #expect(try await Self.notify(api, sent([3]), event: "ObjectCreated:CompleteMultipartUpload").json["accepted"] as? Int == 1)
    #expect(try await Self.counts(api) == [4, 4, 4])
    for (json, status) in [
      ("{}", 200), (#"{"Service":"S3","Event":"s3:TestEvent"}"#, 200), ("[]", 400), (#"{"Records":7}"#, 400), ("", 400),
    ] {
      #expect(try await api.post("/api/v1/uploads/notifications", json: json, as: "store-token-00001").status == status, "\(json)")
    }
    #expect(try await api.post("/api/v1/uploads/notifications", json: "{}", as: "artist-token-0001").status == 403)
  }

  @Test func `Confirmations and notifications that meet make one track`() async throws {
    let api = try await TestAPI()
    let upload = try Announced(try await Self.announce(api))
    _ = try await Self.store(api, upload)
    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
      for index in 0..<12 {
        group.addTask {
          try await index.isMultiple(of: 2) ? Self.confirm(api, upload.id).status : Self.notify(api, [upload.key]).status
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(Set(statuses).isSubset(of: [200, 202]), "\(statuses)")
    #expect(try await Self.counts(api) == [1, 1, 1])
  }

  @Test func `The size chooses the way, and what is too large or no audio is refused before anything is stored`() async throws {
    var limits = UploadLimits()
    limits.fileBytes = 20 << 30
    limits.resumableBytes = 20 << 30
    let api = try await TestAPI(limits: limits)
    func plan(_ size: Int64, _ more: String = "") async throws -> Answer {
      try await Self.announce(api, #"{"fileName":"a.wav","sizeBytes":\#(size)\#(more)}"#)
    }
    for (size, method) in [(1, "form"), (4_500_000, "form"), (4_500_001, "direct"), (1 << 30, "direct"), (1 << 30 + 1, "resumable")]
      as [(Int64, String)]
    {
      #expect(try await plan(size).text("method") == method, "\(size)")
    }
    #expect(try await plan(1, #","method":"direct""#).text("method") == "direct")
    #expect(try await plan(5 << 30, #","method":"direct""#).status == 201)
    for (answer, status, problem) in [
      (try await plan(5 << 30 + 1, #","method":"direct""#), 413, "upload-too-large"),
      (try await plan(20 << 30 + 1), 413, "upload-too-large"),
      (try await plan(0), 422, "invalid-value"), (try await plan(1, #","method":"pigeon""#), 422, "invalid-value"),
      (try await plan(1, #","contentType":"image/png""#), 415, "invalid-audio"), (try await plan(1, #","key":"x""#), 400, "unknown-field"),
      (try await plan(1, #","language":"??""#), 422, "invalid-value"), (try await Self.announce(api, "{}"), 422, "invalid-value"),
    ] {
      #expect(answer.status == status && answer.problem == problem, "\(answer.json)")
    }
    #expect(api.files.isEmpty)
  }

  @Test func `Other people's uploads are not there, and too many that were not sent are refused`() async throws {
    var limits = UploadLimits()
    limits.openRequests = 2
    let api = try await TestAPI(limits: limits)
    let upload = try Announced(try await Self.announce(api))
    _ = try await Self.store(api, upload)
    #expect(try await Self.confirm(api, upload.id, as: "other-token-00001").problem == "upload-not-found")
    #expect(try await Self.confirm(api, TrackID()).problem == "upload-not-found")
    #expect(try await Self.announce(api, as: "admin-token-00001").status == 403)
    #expect(try await Self.announce(api).status == 201)
    let refused = try await Self.announce(api)
    #expect(refused.status == 429 && refused.problem == "too-many-uploads" && refused.response.headers["Retry-After"] == "900")
    #expect(try await Self.announce(api, as: "other-token-00001").status == 201)
    #expect(try await Self.confirm(api, upload.id).status == 202)
    #expect(try await Self.announce(api).status == 201, "what became a track does not count")
  }

  @Test func `Requests are forgotten a day after their URL, and files that nobody confirmed go`() async throws {
    let api = try await TestAPI()
    let (old, open) = (try Announced(try await Self.announce(api)), try Announced(try await Self.announce(api)))
    for upload in [old, open] { _ = try await Self.store(api, upload) }
    try await api.database.execute(
      script: "update music.upload_requests set expires_at = now() - interval '25 hours' where id = '\(old.id)'")
    try await PipelineUpkeep(store: api.store, catalog: api.catalog).runOnce()
    #expect(try await Self.confirm(api, old.id).problem == "upload-not-found")
    #expect(try await Self.confirm(api, open.id).status == 202)
    try await PipelineUpkeep(store: api.store, catalog: api.catalog, stagingAge: .zero).runOnce()
    #expect(api.files == ["objects/staging/\(open.id).mp3"])
  }
}
