import Foundation
import PostgreSQL
import Testing

struct EmbeddedPostgreSQLTests {
  private static let small = ["shared_buffers": "16MB", "max_connections": "20"]
  private let create = Statement(name: "create", sql: "create table kept (n int)")
  private let insert = Statement(name: "insert", sql: "insert into kept select generate_series(1, 1000)")
  private let count = Statement(name: "count", sql: "select count(*) from kept")

  /// Runs the body with a folder of its own; afterwards the server is stopped and the folder removed.
  private func withFolder(_ name: String = "cluster", _ body: (String) throws -> Void) throws {
    let parent = "/tmp/orchestrator-embedded-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    defer { try? FileManager.default.removeItem(atPath: parent) }
    let folder = "\(parent)/\(name)"
    defer { try? EmbeddedPostgreSQL(folder: folder).stop() }
    try body(folder)
  }

  @Test func `committed rows survive kill -9 of the server`() throws {
    try withFolder { folder in
      let cluster = EmbeddedPostgreSQL(folder: folder, settings: Self.small)
      let connection = try PipelineConnection(cluster.start())
      _ = try connection.run((create, Parameters()), (insert, Parameters()))
      kill(try #require(cluster.processIdentifier), SIGKILL)
      let again = try PipelineConnection(cluster.start())
      #expect(try again.run((count, Parameters()))[0].int64(0, 0) == 1_000)
      try cluster.stop()
      #expect(cluster.processIdentifier == nil)
    }
  }

  @Test func `a running server left by a killed program is adopted and later stopped`() throws {
    try withFolder { folder in
      let left = EmbeddedPostgreSQL(folder: folder, settings: Self.small)
      _ = try left.start()
      let process = try #require(left.processIdentifier)
      #expect(getpgid(process) == process)
      let adopting = EmbeddedPostgreSQL(folder: folder)
      let connection = try PipelineConnection(adopting.start())
      _ = try connection.run((create, Parameters()))
      #expect(adopting.processIdentifier == process)
      try adopting.stop()
      #expect(left.processIdentifier == nil)
      try left.stop()
    }
  }

  @Test func `a stale pid file that names another program does not stand in the way`() throws {
    try withFolder { folder in
      let cluster = EmbeddedPostgreSQL(folder: folder, settings: Self.small)
      _ = try cluster.start()
      try cluster.stop()
      let stale = "\(getpid())\n\(folder)/data\n1\n5432\n\(folder)/socket\n\n1 1\nready\n"
      try Data(stale.utf8).write(to: URL(fileURLWithPath: "\(folder)/data/postmaster.pid"))
      #expect(cluster.processIdentifier == nil)
      _ = try PipelineConnection(cluster.start()).run((create, Parameters()))
    }
  }

  @Test func `a path too long for a socket is served through a short private folder`() throws {
    try withFolder(String(repeating: "long", count: 30)) { folder in
      let cluster = EmbeddedPostgreSQL(folder: folder, settings: Self.small)
      let configuration = try cluster.start()
      _ = try PipelineConnection(configuration).run((create, Parameters()))
      #expect(configuration.description.contains("host=/tmp/orchestrator-"))
      var status = stat()
      let host = try #require(configuration.description.split(separator: " ").first?.dropFirst("host=".count))
      #expect(lstat(String(host), &status) == 0 && status.st_mode & 0o777 == 0o700)
      try cluster.stop()
      try FileManager.default.removeItem(atPath: String(host))
    }
  }

  @Test func `a setting the server refuses is reported with the server's own words`() throws {
    try withFolder { folder in
      let error = #expect(throws: DatabaseError.self) {
        try EmbeddedPostgreSQL(folder: folder, settings: ["no_such_setting": "1"]).start()
      }
      #expect(error?.code == .clusterFailed)
      #expect(error?.description.contains("no_such_setting") == true)
    }
  }
}
