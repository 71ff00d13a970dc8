import Foundation
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows

@Suite struct TrackStatusTests {
  @Test func `Of all changes of status exactly the permitted ones are possible, in the database too`() async throws {
    let database = try await CatalogDatabase()
    for from in TrackStatus.allCases {
      for to in TrackStatus.allCases where from != to {
        let id = try await database.track(in: from)
        if from.canBecome(to) {
          try await database.move(id, to: to)
          #expect(try await database.catalog.track(id).status == to)
        } else {
          await #expect(throws: CatalogError(.impossibleStatus, "track \(id) is \(from.rawValue) and cannot become \(to.rawValue)")) {
            try await database.move(id, to: to)
          }
          #expect(try await database.catalog.track(id).status == from)
        }
      }
    }
  }

  @Test func `The table itself refuses an edge, whoever writes to it`() async throws {
    let database = try await CatalogDatabase()
    let id = try await database.track(in: .pending)
    let update = Statement(
      name: "test_direct_update", sql: "update music.tracks set status = 'PUBLISHED' where id = $1", parameterTypes: [.uuid])
    let error = await #expect(throws: DatabaseError.self) { try await database.database.query(update, Parameters(id.uuid)) }
    #expect(error?.sqlState == "MU001")
  }

  @Test func `The database and the program know the same edges`() async throws {
    let database = try await CatalogDatabase()
    let rows = try await database.database.query(
      Statement(name: "test_edges", sql: "select from_status || '>' || to_status from music.status_edges"))
    let stored = Set(try (0..<rows.count).map { try rows.text($0, 0) })
    #expect(stored == Set(TrackStatus.edges.map { "\($0.from.rawValue)>\($0.to.rawValue)" }))
  }

  @Test func `Every change tells the artist once and is recorded with who and why`() async throws {
    let database = try await CatalogDatabase()
    let id = try await database.upload(title: "Blue").id
    try await database.move(id, to: .processing, key: "run/1")
    try await database.move(id, to: .processing, key: "run/1")
    try await database.move(id, to: .failed, because: "The file is empty.", key: "run/2")
    try await database.move(id, to: .failed, because: "The file is empty.", key: "run/2")
    let told = try await database.catalog.notifications(of: "artist", before: nil, limit: 10)
    #expect(told.map(\.status) == ["FAILED", "PROCESSING", "PENDING"])
    #expect(told.first?.message == "\"Blue\" could not be processed. The file is empty.")
    let changes = try await database.catalog.statusChanges(id)
    #expect(changes.map(\.to) == [.pending, .processing, .failed])
    #expect(changes.map(\.changedBy) == ["artist", "test", "test"])
    #expect(try await database.catalog.track(id).reason == "The file is empty.")
  }

  @Test func `A repeated request changes nothing even when the track has moved on`() async throws {
    let database = try await CatalogDatabase()
    let id = try await database.track(in: .published)
    try await database.move(id, to: .blocked, key: "moderation/1")
    try await database.move(id, to: .published, key: "moderation/2")
    try await database.move(id, to: .blocked, key: "moderation/1")
    #expect(try await database.catalog.track(id).status == .published)
  }

  @Test func `Moderation blocks and publishes, and is no way around the review`() async throws {
    let database = try await CatalogDatabase()
    let published = try await database.track(in: .published)
    try await database.catalog.moderate(published, to: .blocked, because: "Claim.", by: "anna", requestKey: "m/1")
    try await database.catalog.moderate(published, to: .published, because: nil, by: "anna", requestKey: "m/2")
    #expect(try await database.catalog.statusChanges(published).suffix(2).map(\.changedBy) == ["anna", "anna"])
    let waiting = try await database.track(in: .reviewing)
    let error = await #expect(throws: CatalogError.self) {
      try await database.catalog.moderate(waiting, to: .blocked, because: nil, by: "anna", requestKey: "m/3")
    }
    #expect(error?.code == .impossibleStatus)
  }

  @Test func `An unknown track is named`() async throws {
    let database = try await CatalogDatabase()
    let id = TrackID()
    await #expect(throws: CatalogError(.trackNotFound, "there is no track \(id)")) { try await database.catalog.track(id) }
    await #expect(throws: CatalogError(.trackNotFound, "there is no track \(id)")) { try await database.move(id, to: .failed) }
    await #expect(throws: CatalogError(.trackNotFound, "there is no track \(id)")) {
      try await database.catalog.moderate(id, to: .blocked, because: nil, by: "anna", requestKey: "m/1")
    }
  }
}
