import Foundation
import PostgreSQL
import TestSupport
import Testing

struct MigratorTests {
  private let first = Migration(number: 1, name: "tables", sql: "create table a (n int);\ncreate table b (n int);")
  private let second = Migration(number: 2, name: "more", sql: "create table c (n int); insert into a values (1)")
  private let third = Migration(number: 100, name: "last", sql: "drop table b")

  private func message(_ configuration: ConnectionConfiguration, _ migrations: [Migration]) -> String {
    do {
      _ = try Migrator(configuration).apply(migrations)
      return ""
    } catch { return "\(error)" }
  }

  @Test func `what is missing is applied once, in order`() throws {
    let configuration = try TestCluster.createDatabase()
    let migrator = Migrator(configuration)
    #expect(try migrator.apply([first, second]) == [first, second])
    #expect(try migrator.apply([first, second]) == [])
    #expect(try migrator.apply([first, second, third]) == [third])
    let statement = Statement(name: "rows", sql: "select number, name, checksum, applied_at from orchestrator.schema_migrations order by 1")
    let rows = try PipelineConnection(configuration).run((statement, Parameters()))[0]
    #expect(rows.count == 3)
    #expect(try rows.int32(2, 0) == 100)
    #expect(try rows.text(0, 1) == "tables")
    #expect(try rows.text(0, 2) == first.checksum)
    #expect(first.checksum.count == 64)
  }

  @Test func `changed, unknown, skipped and newer migrations are refused and nothing is applied`() throws {
    let configuration = try TestCluster.createDatabase()
    #expect(message(configuration, [second, first]).contains("numbers must rise"))
    _ = try Migrator(configuration).apply([first, third])
    let changed = Migration(number: 1, name: "tables", sql: "create table other (n int)")
    #expect(message(configuration, [changed, third]).contains("migration 1 tables was changed after it was applied"))
    #expect(message(configuration, [first, second, third]).contains("migration 2 more is missing in the database though 100 was applied"))
    #expect(message(configuration, [first]).contains("newer than this program"))
    #expect(message(configuration, [third]).contains("does not know"))
    let statement = Statement(name: "count", sql: "select count(*) from orchestrator.schema_migrations")
    #expect(try PipelineConnection(configuration).run((statement, Parameters()))[0].int64(0, 0) == 2)
  }

  @Test func `a migration that fails or ends its own transaction leaves no half of itself`() throws {
    let configuration = try TestCluster.createDatabase()
    let broken = Migration(number: 2, name: "broken", sql: "create table half (n int); select 1 / 0")
    #expect(message(configuration, [first, broken]).contains("migration 2 broken failed: division by zero"))
    let own = Migration(number: 2, name: "own", sql: "select 1; commit")
    #expect(message(configuration, [first, own]).contains("ends its own transaction"))
    #expect(try Migrator(configuration).apply([first, second]) == [second])
    let statement = Statement(name: "half", sql: "select to_regclass('half')::text")
    #expect(try PipelineConnection(configuration).run((statement, Parameters()))[0].isNull(0, 0))
  }

  @Test func `many processes that start at once migrate once`() async throws {
    let configuration = try TestCluster.createDatabase()
    let migrations = [first, second, third]
    let applied = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<4 { group.addTask { try Migrator(configuration).apply(migrations).count } }
      return try await group.reduce(0, +)
    }
    #expect(applied == 3)
  }

  @Test func `a folder is read in the order of its numbers and odd names are refused`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "migrations-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["0010_b.sql", "0002_a.sql", "README.md"] {
      try Data("select '\(name)'".utf8).write(to: folder.appending(path: name))
    }
    let loaded = try Migration.load(from: folder.path)
    #expect(loaded.map(\.number) == [2, 10])
    #expect(loaded.map(\.name) == ["a", "b"])
    #expect(loaded[0].sql == "select '0002_a.sql'")
    try Data().write(to: folder.appending(path: "3_c.sql"))
    #expect(throws: DatabaseError.self) { try Migration.load(from: folder.path) }
    #expect(throws: DatabaseError.self) { try Migration.load(from: "/nowhere") }
  }
}
