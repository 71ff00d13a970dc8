import Foundation
import HTTP
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

/// How often and how much one user may upload.
@Suite struct UploadAdmissionTests {
  @Test func `Uploads are counted for a user over all processes, and refused with the time to wait`() async throws {
    var limits = UploadLimits()
    limits.uploadsPerHour = 3
    let api = try await TestAPI(limits: limits)
    let other = try await TestAPI(limits: limits, sharing: api)
    let first = try await api.upload()
    #expect(first.status == 202 && first.response.headers["RateLimit-Policy"] == "\"uploads\";q=3;w=3600")
    #expect(first.response.headers["RateLimit"]?.hasPrefix("\"uploads\";r=2;t=") == true)
    #expect(try await api.create(10, ["filename": "a.mp3"]).status == 201)
    #expect(try await other.send(.post, "/api/v1/uploads?filename=a.mp3", body: [1]).status == 202)
    for refused in [try await api.upload(), try await other.create(10, ["filename": "a.mp3"])] {
      #expect(refused.status == 429 && refused.problem == "too-many-uploads")
      #expect(refused.response.headers["RateLimit"]?.hasPrefix("\"uploads\";r=0;t=") == true)
      let wait = try #require(refused.response.headers["Retry-After"].flatMap { Int($0) })
      #expect((3500...3600).contains(wait))
    }
    #expect(try await api.upload(as: "other-token-00001").status == 202, "others are counted apart")
  }

  @Test func `What the files of a user have together stays below the quota, whoever uploads at the same time`() async throws {
    var limits = UploadLimits()
    limits.quotaBytes = 30
    let api = try await TestAPI(limits: limits)
    let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
      for _ in 0..<5 { group.addTask { try await api.upload() } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.count { $0.status == 202 } == 2)
    #expect(answers.allSatisfy { $0.status == 202 || $0.status == 413 && $0.problem == "quota-exceeded" })
    #expect(api.files.count == 2)
    #expect(try await api.create(5, ["filename": "a.mp3"]).problem == "quota-exceeded")
    let early = try await api.send(.post, "/api/v1/uploads?filename=a.mp3", body: Array(repeating: 1, count: 5))
    #expect(early.status == 413 && early.json["usedBytes"] as? Int == 26 && early.json["quotaBytes"] as? Int == 30)
    #expect(try await api.create(4, ["filename": "a.mp3"]).status == 201)
    #expect(try await api.upload(as: "other-token-00001").status == 202)
    // A file that was found bad is removed, and its bytes count no more.
    let id = try #require(TrackID(answers.first { $0.status == 202 }?.text("trackId") ?? ""))
    try await api.catalog.changeStatus(id, to: .processing, because: nil, by: "test", requestKey: "p")
    try await api.catalog.changeStatus(id, to: .failed, because: "bad", by: "test", requestKey: "f")
    #expect(try await api.upload().status == 202)
  }

  @Test func `An upload in parts reserves its whole length, and only so many are open at once`() async throws {
    var limits = UploadLimits()
    limits.quotaBytes = 100
    limits.openUploads = 2
    let api = try await TestAPI(limits: limits)
    let first = try await api.begin(60, ["filename": "a.mp3"])
    #expect(try await api.create(41, ["filename": "a.mp3"]).problem == "quota-exceeded")
    _ = try await api.begin(10, ["filename": "a.mp3"])
    let third = try await api.create(10, ["filename": "a.mp3"])
    #expect(third.status == 403 && third.problem == "too-many-open-uploads")
    #expect(try await api.tus(.delete, first).status == 204)
    #expect(try await api.create(90, ["filename": "a.mp3"]).status == 201)
    #expect(api.files.count == 2)
  }

  @Test func `Limits are settings, and nonsense is refused`() throws {
    var none = Arguments([])
    let limits = try Configuration(
      &none,
      [
        "ORCHESTRATOR_MAX_RESUMABLE_BYTES": "5368709120", "ORCHESTRATOR_UPLOAD_EXPIRY_MINUTES": "90", "ORCHESTRATOR_OPEN_UPLOADS": "3",
        "ORCHESTRATOR_UPLOADS_PER_HOUR": "7", "ORCHESTRATOR_UPLOAD_QUOTA_BYTES": "1000",
      ]
    ).uploads
    #expect(limits.resumableBytes == 5 << 30 && limits.resumableWithin == .seconds(5400) && limits.openUploads == 3)
    #expect(limits.uploadsPerHour == 7 && limits.quotaBytes == 1000)
    for (name, value) in [
      ("ORCHESTRATOR_MAX_RESUMABLE_BYTES", "0"), ("ORCHESTRATOR_UPLOAD_EXPIRY_MINUTES", "soon"), ("ORCHESTRATOR_OPEN_UPLOADS", "-1"),
    ] {
      #expect(throws: UsageError.self) { _ = try Configuration(&none, [name: value]) }
    }
  }
}
