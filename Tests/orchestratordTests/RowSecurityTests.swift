import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

/// What the role that reads for the API's users can see, whatever a handler asks for.
@Suite struct RowSecurityTests {
  private static let tables = [
    "music.tracks", "music.stages", "music.lyrics", "music.status_changes", "music.notifications", "access.artist_applications",
    "music.upload_requests", "music.resumable_uploads",
    "music.assets", "music.asset_versions", "music.asset_files", "music.jobs",
    "events.log", "events.webhook_endpoints", "events.webhook_deliveries",
    "music.revisions", "music.track_artists",
  ]

  /// Two artists with a track each, one of them with everything that hangs on it.
  private static func twoArtists(_ api: TestAPI) async throws -> (anna: TrackID, otto: TrackID) {
    let anna = try await api.reviewing()
    let otto = try #require(TrackID(try await api.upload(as: "other-token-00001").text("trackId") ?? ""))
    for id in [anna, otto] { try await api.catalog.reportProgress(id, stage: "probe-audio", percent: 50, attempt: 1) }
    let lyrics = Lyrics(lines: [LyricsLine(startMilliseconds: 1, endMilliseconds: 2, text: "la")], source: .transcribed, model: "test")
    try await api.catalog.changeLyrics(LyricsChange(trackID: anna, status: .completed, lyrics: lyrics), requestKey: "l")
    return (anna, otto)
  }

  private static func count(_ database: Database, _ table: String, as viewer: CatalogViewer) async throws -> Int64 {
    let statement = Statement(name: "count", sql: "select count(*) from \(table)", isPrepared: false)
    return try await database.run([viewer.bound, (statement, Parameters())])[1].int64(0, 0)
  }

  @Test func `A handler that forgets whose rows it wants gets its user's only`() async throws {
    let api = try await TestAPI()
    let (anna, otto) = try await Self.twoArtists(api)
    let seen = api.catalog.seen(by: CatalogViewer(userID: "otto"))
    #expect(try await seen.tracks(of: nil, status: nil, after: nil, limit: 100).map(\.id) == [otto])
    #expect(try await seen.tracks(of: "anna", status: nil, after: nil, limit: 100).isEmpty)
    await #expect(throws: CatalogError.self) { _ = try await seen.track(anna) }
    #expect(try await seen.stages(anna).isEmpty)
    #expect(try await seen.lyrics(anna) == nil)
    #expect(try await seen.notifications(of: "anna", before: nil, limit: 100).isEmpty)
    #expect(try await seen.statusChanges(otto).isEmpty)
    #expect(try await seen.stages(otto).count == 1)
    let admin = api.catalog.seen(by: CatalogViewer(userID: "ada", seesAllTracks: true))
    #expect(try await admin.tracks(of: nil, status: nil, after: nil, limit: 100).count == 2)
    #expect(try await admin.statusChanges(anna).count == 3)
    #expect(try await admin.notifications(of: "anna", before: nil, limit: 100).isEmpty, "what anna was told concerns nobody else")
    let told = try await api.catalog.notifications(of: "anna", before: nil, limit: 1)[0].id
    for stranger in [seen, admin] {
      #expect(try await stranger.markNotification(told, of: "anna", isRead: true) == nil)
      #expect(try await stranger.markAllNotifications(of: "anna", upTo: nil) == 0)
      #expect(try await stranger.removeNotification(told, of: "anna") == false)
    }
    let follower = api.catalog.seen(by: CatalogViewer(userID: "nobody", track: anna))
    #expect(try await follower.track(anna).id == anna)
    #expect(try await follower.lyrics(anna) != nil)
    #expect(try await follower.tracks(of: nil, status: nil, after: nil, limit: 100).map(\.id) == [anna])
  }

  @Test func `A user's requests show the user's own, through every route`() async throws {
    let api = try await TestAPI()
    let (anna, otto) = try await Self.twoArtists(api)
    let list = try await api.send(.get, "/api/v1/tracks", as: "other-token-00001")
    #expect((list.json["items"] as? [[String: Any]])?.compactMap { $0["id"] as? String } == [otto.description])
    for path in ["", "/events", "/audio", "/waveform"] {
      #expect(try await api.send(.get, "/api/v1/tracks/\(anna)\(path)", as: "other-token-00001").problem == "track-not-found")
    }
    #expect(try await api.send(.get, "/api/v1/tracks/\(anna)", as: "admin-token-00001").status == 200)
  }

  @Test func `The role itself sees nothing without a user, changes nothing, and knows no passwords`() async throws {
    let api = try await TestAPI()
    _ = try await Self.twoArtists(api)
    var configuration = api.configuration
    configuration.settings["role"] = "orchestrator_api"
    let role = try Database(configuration, maximumConnections: 1)
    func run(_ sql: String) async throws -> Rows { try await role.query(Statement(name: "run", sql: sql, isPrepared: false)) }
    #expect(try await run("select current_user::text").text(0, 0) == "orchestrator_api")
    for table in Self.tables { #expect(try await run("select count(*) from \(table)").int64(0, 0) == 0, "\(table)") }
    for sql in ["delete from music.notifications", "update music.notifications set read_at = now()"] {
      #expect(try await run(sql).affectedRows == 0, "\(sql)")
    }
    let refused = [
      "select * from access.accounts", "select * from access.api_keys", "select * from access.token_keys", "select * from access.audit_log",
      "select * from access.attempts", "select * from music.reviews", "select * from music.uploads", "select * from events.state",
      "select secret from events.webhook_endpoints",
      "select * from events.webhook_endpoints", "delete from events.webhook_deliveries",
      "select events.emit('me', 'track.published', '{}')",
      "select * from orchestrator.history",
      "select * from orchestrator.runs", "select * from orchestrator.workflows", "update music.tracks set title = 'mine'",
      "update music.notifications set message = 'mine'", "update music.notifications set artist_id = 'me'",
      "insert into music.stages (track_id, stage, progress, attempt) select id, 'x', 1, 1 from music.tracks",
      "select music.change_status(gen_random_uuid(), 'PUBLISHED', null, 'me', 'k')", "alter table music.tracks disable row level security",
      "create policy all_rows on music.tracks using (true)", "select access.take_attempt('a', 'b', 1, '1 hour')",
      "select orchestrator.start_workflow('PublishTrack', 'w', '{}')", "create table music.mine (a integer)",
    ]
    for sql in refused {
      let error = await #expect(throws: DatabaseError.self, "\(sql)") { _ = try await run(sql) }
      #expect(error?.sqlState == "42501", "\(sql)")
    }
    await role.shutdown()
  }

  @Test func `The viewer of one transaction is not that of the next on the same connection`() async throws {
    let api = try await TestAPI()
    _ = try await Self.twoArtists(api)
    let database = try Database(api.configuration, maximumConnections: 1)
    let everything = Statement(name: "everything", sql: "select count(*), current_user::text from music.tracks")
    let failing = Statement(name: "failing", sql: "select 1 / 0")
    #expect(try await database.query(everything).int64(0, 0) == 2)
    for viewer in ["anna", "otto", "nobody"] {
      let rows = try await database.run([CatalogViewer(userID: viewer).bound, (everything, Parameters())])[1]
      #expect(try rows.int64(0, 0) == (viewer == "nobody" ? 0 : 1))
      #expect(try rows.text(0, 1) == "orchestrator_api")
      await #expect(throws: DatabaseError.self) {
        _ = try await database.run([CatalogViewer(userID: viewer).bound, (failing, Parameters())])
      }
      let after = try await database.query(everything)
      #expect(try after.int64(0, 0) == 2)
      #expect(try after.text(0, 1) != "orchestrator_api")
    }
    await database.shutdown()
  }

  @Test func `Every table of users' rows that the role may read is under row security`() async throws {
    let api = try await TestAPI()
    let open = Statement(
      name: "open",
      sql: """
        select coalesce(string_agg(c.oid::regclass::text, ', '), '') from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('music', 'access', 'events', 'orchestrator') and c.relkind in ('r', 'v', 'p', 'm') and not c.relrowsecurity
          and has_any_column_privilege('orchestrator_api', c.oid, 'select')
        """)
    #expect(try await api.database.query(open).text(0, 0).isEmpty)
    for table in Self.tables { #expect(try await Self.count(api.database, table, as: CatalogViewer(userID: "")) == 0) }
  }
}
