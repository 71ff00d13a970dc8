import Foundation
import HTTP
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

@Suite struct UploadRoutesTests {
  @Test func `An upload is stored in staging, answered at once, and starts its workflow`() async throws {
    let api = try await TestAPI()
    let answer = try await api.upload()
    #expect(answer.status == 202)
    let id = try #require(TrackID(answer.text("trackId") ?? ""))
    #expect(answer.text("workflowId") == "track-\(id)" && answer.text("statusUrl") == "/api/v1/tracks/\(id)")
    #expect(answer.response.headers["Location"] == "/api/v1/tracks/\(id)")
    #expect(api.files == ["objects/staging/\(id).mp3"])
    let track = try await api.catalog.track(id)
    #expect(track.title == "Blue" && track.tags == ["pop", "90s"] && track.artistID == "anna" && track.fileName == "My song.mp3")
    #expect(track.sizeBytes == 13 && track.status == .pending)
    let started = try await api.database.query(
      Statement(name: "test_inbox", sql: "select workflow_id from orchestrator.inbox where kind = 1"))
    #expect(try started.text(0, 0) == id.workflowID)
  }

  @Test func `The same key gives the same answer, and stores nothing twice`() async throws {
    let api = try await TestAPI()
    let first = try await api.upload(key: "k1")
    let second = try await api.upload(key: "k1")
    #expect(first.status == 202 && second.status == 202 && first.text("trackId") == second.text("trackId"))
    #expect(first.text("statusUrl") == second.text("statusUrl") && second.text("channelToken") != nil)
    #expect(second.response.headers["Idempotent-Replayed"] == "true")
    #expect(api.files.count == 1)
  }

  @Test(
    "The same key with another body is refused",
    arguments: [
      Form(file: Array("another song".utf8)), Form(fields: [("title", "Red"), ("language", "en"), ("tags", "pop, 90s")]),
      Form(fileType: "audio/flac"),
    ])
  func reusedKey(other: Form) async throws {
    let api = try await TestAPI()
    _ = try await api.upload(key: "k1")
    let answer = try await api.upload(other, key: "k1")
    #expect(answer.status == 422 && answer.problem == "idempotency-key-reused")
    #expect(api.files.count == 1)
  }

  @Test func `Of concurrent uploads with one key one is accepted and the others are repeats or conflicts`() async throws {
    let api = try await TestAPI()
    let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
      for _ in 0..<6 { group.addTask { try await api.upload(key: "k1") } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.allSatisfy { $0.status == 202 || $0.problem == "request-in-flight" })
    #expect(Set(answers.compactMap { $0.text("trackId") }).count == 1)
    #expect(api.files.count == 1)
  }

  struct BadUpload: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let form: Form
    let status: Int
    let problem: String
  }

  static let badUploads = [
    BadUpload(testDescription: "an empty file", form: Form(file: []), status: 422, problem: "invalid-audio"),
    BadUpload(
      testDescription: "text named .txt", form: Form(fileName: "a.txt", fileType: "text/plain"), status: 415, problem: "invalid-audio"),
    BadUpload(testDescription: "no type and no name", form: Form(fileName: "song", fileType: nil), status: 415, problem: "invalid-audio"),
    BadUpload(testDescription: "no file", form: Form(file: nil), status: 400, problem: "file-missing"),
    BadUpload(testDescription: "an unknown field", form: Form(fields: [("colour", "red")]), status: 400, problem: "unknown-field"),
    BadUpload(
      testDescription: "a field twice", form: Form(fields: [("title", "a"), ("title", "b")]), status: 400, problem: "repeated-field"),
    BadUpload(
      testDescription: "a long title", form: Form(fields: [("title", String(repeating: "a", count: 301))]), status: 422,
      problem: "invalid-value"),
    BadUpload(testDescription: "a control character", form: Form(fields: [("title", "a\u{7}")]), status: 422, problem: "invalid-value"),
    BadUpload(testDescription: "no language", form: Form(fields: [("language", "english!")]), status: 422, problem: "invalid-value"),
    BadUpload(
      testDescription: "too many lyrics", form: Form(fields: [("lyrics", String(repeating: "la ", count: 30_000))]), status: 422,
      problem: "invalid-value"),
    BadUpload(testDescription: "a cut form", form: Form(isCut: true), status: 400, problem: "about"),
    BadUpload(
      testDescription: "a file above the limit", form: Form(file: Array(repeating: 1, count: 2001)), status: 413,
      problem: "upload-too-large"),
    BadUpload(
      testDescription: "far above the limit", form: Form(file: Array(repeating: 1, count: 600_000)), status: 413,
      problem: "upload-too-large"),
    BadUpload(
      testDescription: "fields above the limit", form: Form(file: [1], fields: [("lyrics", String(repeating: "la ", count: 100_000))]),
      status: 413,
      problem: "upload-too-large"),
  ]

  @Test("What cannot be accepted is refused with a problem and leaves nothing behind", arguments: badUploads)
  func badUpload(_ bad: BadUpload) async throws {
    var limits = UploadLimits()
    limits.fileBytes = 2000
    let api = try await TestAPI(limits: limits)
    let answer = try await api.upload(bad.form, key: "k1")
    #expect(answer.status == bad.status)
    #expect(answer.problem == bad.problem || bad.problem == "about" && answer.problem != nil)
    #expect(answer.text("detail")?.isEmpty == false)
    #expect(api.files == [])
    #expect(try await api.catalog.tracks(of: nil, status: nil, after: nil, limit: 10).isEmpty)
  }

  @Test func `When the workflow cannot be started the file is removed again`() async throws {
    let api = try await TestAPI()
    try await api.database.execute(script: "alter table orchestrator.inbox rename to hidden_inbox")
    let answer = try await api.upload()
    #expect(answer.status == 500 && answer.problem != nil)
    #expect(api.files == [])
  }

  @Test func `A bare file with its fields in the query is an upload too`() async throws {
    let api = try await TestAPI()
    let answer = try await api.send(
      .post, "/api/v1/uploads?title=Blue%20Sky&filename=a.flac", headers: ["Content-Type": "audio/flac"], body: Array("fLaC".utf8))
    #expect(answer.status == 202)
    let track = try await api.catalog.track(#require(TrackID(answer.text("trackId") ?? "")))
    #expect(track.title == "Blue Sky" && track.mediaType == "audio/flac" && track.fileName == "a.flac")
    let unknown = try await api.send(.post, "/api/v1/uploads?colour=red", headers: ["Content-Type": "audio/flac"], body: [1])
    #expect(unknown.problem == "unknown-field" && api.files.count == 1)
  }

  @Test func `A file without a type is taken by the ending of its name`() async throws {
    let api = try await TestAPI()
    let answer = try await api.upload(Form(fileName: "/home/anna/a.FLAC", fileType: "application/octet-stream"))
    let track = try await api.catalog.track(#require(TrackID(answer.text("trackId") ?? "")))
    #expect(track.mediaType == "audio/flac" && track.fileName == "a.FLAC")
  }

  @Test(arguments: ["", "a b", String(repeating: "k", count: 256), "schlüssel"])
  func `An idempotency key that is none is refused`(key: String) async throws {
    let api = try await TestAPI()
    #expect(try await api.upload(key: key).problem == "invalid-idempotency-key")
    #expect(api.files == [])
  }

  @Test func `Only artists upload, and only with a token that is known`() async throws {
    let api = try await TestAPI()
    let anonymous = try await api.upload(as: nil)
    #expect(
      anonymous.status == 401 && anonymous.problem == "unauthorized"
        && anonymous.response.headers["WWW-Authenticate"] == "Bearer realm=\"orchestrator\"")
    #expect(try await api.upload(as: "wrong-token-000001").status == 401)
    let admin = try await api.upload(as: "admin-token-00001")
    #expect(admin.status == 403 && admin.text("detail") == "Artist role required.")
  }
}
