import Foundation
import PostgreSQL
import Synchronization

/// The PostgreSQL cluster of this test process: started at the first use, gone when the process ends, however it ends.
public final class TestCluster: Sendable {
  private static let shared = Result { try TestCluster() }

  private let administration: ConnectionConfiguration
  private let databases = Atomic<Int>(0)

  /// How to connect to a new, empty database that no other test uses.
  public static func createDatabase() throws -> ConnectionConfiguration {
    try shared.get().createDatabase()
  }

  private init() throws {
    let folder = try Self.makeFolder()
    // The cluster never outlives the process, so nothing needs to survive a power cut.
    let settings = ["fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB", "max_connections": "200"]
    let cluster = EmbeddedPostgreSQL(folder: folder, settings: settings)
    administration = try cluster.start()
    guard let server = cluster.processIdentifier else {
      throw DatabaseError(.clusterFailed, "the test server in \(folder) ended at once")
    }
    try Self.endWithThisProcess(server: server, folder: folder)
  }

  private func createDatabase() throws -> ConnectionConfiguration {
    let name = "test_\(databases.add(1, ordering: .relaxed).newValue)"
    let create = Statement(name: "create_\(name)", sql: "create database \(name)")
    _ = try PipelineConnection(administration).run((create, Parameters()))
    return try administration.with(database: name)
  }

  private static func makeFolder() throws -> String {
    var template = Array("/tmp/orchestrator-tests-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw DatabaseError(.clusterFailed, "no folder for the test cluster: \(String(cString: strerror(errno)))")
    }
    return template.withUnsafeBufferPointer { String(decoding: $0.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self) }
  }

  /// A watcher reads from a pipe that only this process writes to: the kernel closes it at any kind of end.
  private static func endWithThisProcess(server: Int32, folder: String) throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0, fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0, fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 else {
      throw DatabaseError(.clusterFailed, "no pipe for the test cluster: \(String(cString: strerror(errno)))")
    }
    let silence = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer {
      close(silence)
      close(ends[0])
    }
    let script = """
      cat; kill -INT "$1"; tries=0
      while [ -e "$2/data/postmaster.pid" ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
      kill -QUIT "$1"; rm -rf -- "$2"
      """
    _ = try DetachedProcess.start(["/bin/sh", "-c", script, "watcher", String(server), folder], input: ends[0], output: silence)
  }
}
