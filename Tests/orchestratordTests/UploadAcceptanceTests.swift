import Cryptography
import Foundation
import HTTP
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

/// The step that every way of uploading ends in.
@Suite struct UploadAcceptanceTests {
  private static func acceptance(_ api: TestAPI) -> UploadAcceptance {
    UploadAcceptance(catalog: api.catalog, store: api.store, limits: UploadLimits(), wake: {})
  }

  @Test func `A file that is in staging is hashed there and accepted, and accepted again it is the same track`() async throws {
    let api = try await TestAPI()
    let id = TrackID()
    let bytes = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try await api.store.put(bytes, at: TrackKeys.staged(id, as: .wav))
    let acceptance = Self.acceptance(api)
    let form = try UploadForm([("title", "Blue"), ("tags", "a,b")])
    let received = try await acceptance.read(TrackKeys.staged(id, as: .wav), as: .wav, fileName: "b.wav", form: form, for: id)
    #expect(received.sha256 == Digest.sha256(bytes) && received.source.sizeBytes == 3_000_001)
    #expect(try await acceptance.accept(received, of: "anna") == AcceptedUpload(trackID: id, isRepeated: false))
    for _ in 0..<2 { #expect(try await acceptance.accept(received, of: "anna") == AcceptedUpload(trackID: id, isRepeated: true)) }
    #expect(api.files == ["objects/staging/\(id).wav"], "the track needs it")
    let counts = Statement(name: "counts", sql: "select (select count(*) from music.tracks), (select count(*) from orchestrator.inbox)")
    let rows = try await api.database.query(counts)
    #expect(try rows.int64(0, 0) == 1 && rows.int64(0, 1) == 1)
    await #expect(throws: DatabaseError.self, "the id of another's track") { _ = try await acceptance.accept(received, of: "otto") }
  }

  @Test func `An upload whose commit was not answered keeps its file, one that was refused does not`() async throws {
    let api = try await TestAPI()
    let id = TrackID()
    try await api.store.put([1, 2, 3], at: TrackKeys.staged(id, as: .mpeg))
    let acceptance = Self.acceptance(api)
    let received = try await acceptance.read(
      TrackKeys.staged(id, as: .mpeg), as: .mpeg, fileName: nil, form: try UploadForm([]), for: id)
    var unknown = DatabaseError(.connectionLost, "the connection ended")
    unknown.outcomeUnknown = true
    await acceptance.giveUp(received, because: unknown)
    #expect(api.files.count == 1)
    await acceptance.giveUp(received, because: DatabaseError(.connectionFailed, "there was none"))
    #expect(api.files.isEmpty)
    await #expect(throws: ObjectStoreError.self) {
      _ = try await acceptance.read(TrackKeys.staged(id, as: .mpeg), as: .mpeg, fileName: nil, form: received.form, for: id)
    }
  }
}
