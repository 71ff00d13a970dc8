import Foundation
import PostgreSQL
import TestSupport

@testable import Activities
@testable import Workflows

/// A catalogue in a new database with the schema of this checkout.
struct CatalogDatabase {
  let catalog: TrackCatalog
  let database: Database

  init() async throws {
    let configuration = try TestCluster.createDatabase()
    let folder = URL(filePath: #filePath).appending(path: "../../../../Migrations").standardizedFileURL.path
    _ = try Migrator(configuration).apply(try Migration.load(from: folder))
    database = try Database(configuration)
    catalog = TrackCatalog(database)
  }

  /// Uploads a track; it is PENDING then.
  @discardableResult
  func upload(
    artist: String = "artist", title: String? = "Song", key: String? = nil, fingerprint: UInt8 = 1
  ) async throws -> (id: TrackID, outcome: UploadOutcome) {
    let id = TrackID()
    let source = AudioSource(trackID: id, key: "staging/\(id)", mediaType: "audio/mpeg", sizeBytes: 1000)
    let track = NewTrack(
      source: source, artistID: artist, fileName: "My song.mp3", title: title, language: nil, tags: ["pop", "90s"], suppliedLyrics: "la la",
      sha256: Array(repeating: 7, count: 32), idempotency: key.map { ($0, Array(repeating: fingerprint, count: 32)) })
    return (id, try await catalog.accept(track, starting: TrackUpload(source: source)))
  }

  /// A track with a status, brought there by permitted steps only.
  func track(in status: TrackStatus) async throws -> TrackID {
    let id = try await upload().id
    let path: [TrackStatus] =
      switch status {
      case .pending: []
      case .processing: [.processing]
      case .reviewing: [.processing, .reviewing]
      case .failed: [.processing, .failed]
      case .changesRequested: [.processing, .reviewing, .changesRequested]
      case .published: [.processing, .reviewing, .published]
      case .blocked: [.processing, .reviewing, .blocked]
      }
    for step in path { try await move(id, to: step) }
    return id
  }

  func move(_ id: TrackID, to status: TrackStatus, because reason: String? = nil, key: String = UUID().uuidString) async throws {
    try await catalog.changeStatus(id, to: status, because: reason, by: "test", requestKey: key)
  }

  func count(_ sql: String) async throws -> Int64 {
    try await database.query(Statement(name: "count_\(abs(sql.hashValue))", sql: sql)).int64(0, 0)
  }
}

// The engine's side of the same database; no owner runs in these tests.
extension CatalogDatabase {
  /// The workflow ids whose start waits in the inbox.
  func startedWorkflows() async throws -> [String] {
    let rows = try await database.query(
      Statement(name: "test_started", sql: "select workflow_id from orchestrator.inbox where kind = 1 order by 1"))
    return try (0..<rows.count).map { try rows.text($0, 0) }
  }

  /// Does what an owner does with starts: from now on the runs take signals.
  func takeStarts() async throws {
    try await database.execute(
      script: """
        insert into orchestrator.runs (run_id, slot, namespace, workflow_id, workflow_type, started_at)
          select run_id, slot, namespace, workflow_id, 'PublishTrack', now() from orchestrator.inbox where kind = 1;
        delete from orchestrator.inbox where kind = 1;
        """)
  }

  /// The inputs of the signals that wait in the inbox.
  func signals() async throws -> [String] {
    let rows = try await database.query(
      Statement(
        name: "test_signals",
        sql: "select convert_from(attributes, 'UTF8')::json ->> 'input' from orchestrator.inbox where kind = 2 order by 1"))
    return try (0..<rows.count).map { try rows.text($0, 0) }
  }

  /// From now on the engine refuses every start.
  func refuseStarts() async throws {
    try await database.execute(
      script: """
        do $$ begin
          execute 'drop function ' || (select oid::regprocedure from pg_proc where proname = 'start_workflow');
        end $$
        """)
  }
}
