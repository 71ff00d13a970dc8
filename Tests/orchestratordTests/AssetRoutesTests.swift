import Foundation
import HTTP
import Orchestrator
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

/// Assets and requests for jobs, over a real database; no engine runs.
@Suite struct AssetRoutesTests {
  private static func submit(
    _ api: TestAPI, _ asset: AssetID, _ rest: String = "", as token: String = "artist-token-0001", key: String? = nil
  ) async throws -> Answer {
    var headers: HTTPHeaders = ["Content-Type": "application/json"]
    headers["Idempotency-Key"] = key
    let json = #"{"type": "loudness", "assetId": "\#(asset)"\#(rest)}"#
    return try await api.send(.post, "/api/v1/jobs", as: token, headers: headers, body: Array(json.utf8))
  }

  @Test func `An uploaded track is an asset, and its original is version 1 from the moment it is stored for good`() async throws {
    let api = try await TestAPI()
    let pending = try #require(AssetID(try await api.upload().text("trackId") ?? ""))
    let before = try await api.send(.get, "/api/v1/assets/\(pending)")
    #expect(before.status == 200 && before.text("status") == "pending" && before.json["latestVersion"] == nil)
    #expect(try await api.send(.get, "/api/v1/assets/\(pending)/download").problem == "asset-not-ready")
    #expect(try await Self.submit(api, pending).problem == "asset-not-ready")
    let id = try await api.reviewing()
    let asset = try await api.send(.get, "/api/v1/assets/\(id)")
    #expect(asset.text("status") == "ready" && asset.json["latestVersion"] as? Int == 1)
    let versions = try await api.send(.get, "/api/v1/assets/\(id)/versions").json["items"] as? [[String: Any]]
    let first = try #require(versions?.first)
    #expect(versions?.count == 1 && first["version"] as? Int == 1 && first["fromVersion"] == nil)
    #expect((first["metadata"] as? [String: Any])?["codec"] as? String == "mp3")
    let file = try #require((first["files"] as? [[String: Any]])?.first)
    #expect(file["kind"] as? String == "source" && file["objectKey"] as? String == "raw-track/\(id).mp3")
    let list = try await api.send(.get, "/api/v1/assets?limit=1")
    #expect((list.json["items"] as? [[String: Any]])?.first?["id"] as? String == id.description)
    let next = try await api.send(.get, "/api/v1/assets?limit=1&cursor=\(try #require(list.text("nextCursor")))")
    #expect((next.json["items"] as? [[String: Any]])?.first?["id"] as? String == pending.description)
  }

  @Test func `A file is downloaded through its URL without a token of a user, and through no other`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let host: HTTPHeaders = ["Host": "music.example"]
    let download = try await api.send(.get, "/api/v1/assets/\(id)/download?version=1&kind=source", headers: host)
    let url = try #require(download.text("url")?.replacing("http://music.example", with: ""))
    let file = try await api.send(.get, url, as: nil, headers: host)
    #expect(file.status == 200 && file.fileBytes == Array("ID3 some song".utf8))
    #expect(file.response.headers["Content-Disposition"]?.contains("v1-source.mp3") == true)
    let part = try await api.send(.get, url, as: nil, headers: ["Host": "music.example", "Range": "bytes=0-2"])
    #expect(part.status == 206 && part.fileBytes == Array("ID3".utf8))
    let other = try await api.reviewing()
    for wrong in [url.replacing(id.description, with: other.description), url.replacing("X-Amz-Expires=900", with: "X-Amz-Expires=901")] {
      #expect(try await api.send(.get, wrong, as: "artist-token-0001", headers: host).status == 403, "\(wrong)")
    }
    #expect(try await api.send(.get, "/api/v1/assets/\(id)/download?version=2").problem == "version-not-found")
    #expect(try await api.send(.get, "/api/v1/assets/\(id)/download?kind=vocals").problem == "file-not-found")
  }

  @Test func `What belongs to others is not there, and what makes no sense is refused with what would`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let job = try #require(try await Self.submit(api, id).text("id"))
    let other = "other-token-00001"
    for path in ["", "/versions", "/download"] {
      #expect(try await api.send(.get, "/api/v1/assets/\(id)\(path)", as: other).problem == "asset-not-found")
    }
    #expect(try await Self.submit(api, id, as: other).problem == "asset-not-found")
    for path in ["", "/events"] { #expect(try await api.send(.get, "/api/v1/jobs/\(job)\(path)", as: other).problem == "job-not-found") }
    for path in ["cancel", "retry"] {
      #expect(try await api.send(.post, "/api/v1/jobs/\(job)/\(path)", as: other).problem == "job-not-found")
    }
    #expect((try await api.send(.get, "/api/v1/jobs", as: other).json["items"] as? [Any])?.isEmpty == true)
    #expect((try await api.send(.get, "/api/v1/jobs?assetId=\(id)", as: "admin-token-00001").json["items"] as? [Any])?.count == 1)
    let refusals = [
      (#", "priority": 0"#, "invalid-value"), (#", "priority": 6"#, "invalid-value"), (#", "inputVersion": 0"#, "invalid-value"),
      (#", "inputVersion": 2"#, "version-not-found"), (#", "inputVersion": 99999999999"#, "invalid-value"),
      (#", "inputKind": "vocals""#, "invalid-value"),
      (#", "inputKind": "../x""#, "invalid-value"),
      (#", "speed": 2"#, "unknown-field"), (#", "parameters": []"#, "invalid-value"), (#", "parameters": {"gain": 1}"#, "invalid-value"),
      (#", "parameters": {"integratedLoudness": -4}"#, "invalid-value"),
      (#", "parameters": {"integratedLoudness": "loud"}"#, "invalid-value"),
      (#", "parameters": {"format": "exe"}"#, "invalid-value"), (#", "parameters": {"format": "mp3", "bitRate": 1}"#, "invalid-value"),
      (#", "parameters": {"format": "mp3", "sampleRate": 8000}"#, "invalid-value"),
      (#", "parameters": {"format": "wav", "bitRate": 128000}"#, "invalid-value"),
    ]
    for (rest, problem) in refusals { #expect(try await Self.submit(api, id, rest).problem == problem, "\(rest)") }
    let unknown = try await api.post("/api/v1/jobs", json: #"{"type": "stems'; drop table", "assetId": "\#(id)"}"#)
    #expect(unknown.status == 422 && unknown.text("detail")?.contains("loudness, convert") == true)
    #expect(try await api.send(.get, "/api/v1/jobs?status=lost").problem == "invalid-query")
    #expect((try await api.send(.get, "/api/v1/jobs").json["items"] as? [Any])?.count == 1, "no refusal left a job")
  }

  @Test func `The same request for a job with the same key is the same job, and an asset has no more than its share of them`() async throws
  {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
      for _ in 0..<6 { group.addTask { try await Self.submit(api, id, key: "one") } }
      return try await group.reduce(into: [Answer]()) { $0.append($1) }
    }
    #expect(Set(answers.map { $0.text("id") }).count == 1 && answers.allSatisfy { $0.status == 202 })
    #expect(answers.count { $0.response.headers["Idempotent-Replayed"] == nil } == 1)
    #expect(try await Self.submit(api, id, #", "priority": 1"#, key: "one").problem == "idempotency-key-reused")
    let starts = Statement(
      name: "starts", sql: "select count(*) from orchestrator.inbox where kind = 1 and workflow_id = $1", parameterTypes: [.text])
    #expect(try await api.database.query(starts, Parameters(answers[0].text("id"))).int64(0, 0) == 1)
    for _ in 1..<Int(TrackCatalog.openJobsPerAsset) { #expect(try await Self.submit(api, id).status == 202) }
    #expect(try await Self.submit(api, id).problem == "too-many-jobs")
    #expect(try await Self.submit(api, id, key: "one").status == 202, "what was accepted before is answered as before")
  }

  @Test func `Versions are numbered without gaps however jobs overlap, fail and are repeated`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    var jobs: [JobID] = []
    for _ in 0..<3 { jobs.append(try #require(JobID(try await Self.submit(api, id).text("id") ?? ""))) }
    for job in jobs { #expect(try await api.catalog.begin(job).input.kind == "source") }
    func file(_ job: JobID, _ kind: String) -> AssetFile {
      AssetFile(kind: kind, key: "assets/\(id)/\(job)-\(kind)", mediaType: "audio/wav", sizeBytes: 9, durationMilliseconds: 5)
    }
    let note = Payload(json: Array(#"{"note":1}"#.utf8))
    #expect(try await api.catalog.reserveVersion(jobs[0]) == 2)
    #expect(try await api.catalog.reserveVersion(jobs[0]) == 2, "asked again, it is the same number")
    #expect(try await api.catalog.reserveVersion(jobs[1]) == nil, "one after the other")
    #expect(try await api.catalog.assetVersions(id, limit: 10).map(\.version) == [1], "not seen before it is whole")
    try await api.catalog.end(JobEnd(jobID: jobs[0], status: .failed, code: "processing-failed", message: "x"))
    #expect(try await api.catalog.reserveVersion(jobs[1]) == 2, "a number that was given up is given again")
    let files = [file(jobs[1], "vocals"), file(jobs[1], "instrumental")]
    for _ in 0..<2 { #expect(try await api.catalog.complete(jobs[1], files: files, metadata: note) == 2) }
    #expect(try await api.catalog.reserveVersion(jobs[1]) == 2)
    #expect(try await api.catalog.reserveVersion(jobs[2]) == 3)
    #expect(try await api.catalog.complete(jobs[2], files: [file(jobs[2], "enhanced")], metadata: note) == 3)
    await #expect(throws: CatalogError.self) { _ = try await api.catalog.reserveVersion(jobs[0]) }
    let versions = try await api.catalog.assetVersions(id, limit: 10)
    #expect(versions.map(\.version) == [1, 2, 3] && versions.map(\.fromVersion) == [nil, 1, 1])
    #expect(versions[1].files.map(\.kind) == ["instrumental", "vocals"] && versions[1].jobID == jobs[1])
    // A version with several files and none named.
    #expect(try await Self.submit(api, id, #", "inputVersion": 2"#).problem == "invalid-value")
    #expect(try await Self.submit(api, id, #", "inputVersion": 2, "inputKind": "vocals""#).status == 202)
    #expect(try await api.send(.get, "/api/v1/assets/\(id)/download?version=2").problem == "file-not-found")
  }
}
