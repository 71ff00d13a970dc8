import Foundation
import PostgreSQL

/// A PostgreSQL server of a test's own, with full durability, to be killed and started again. Its folder goes with the test process.
final class CrashingCluster: Sendable {
  let connection: ConnectionConfiguration
  private let folder: String
  private let server: EmbeddedPostgreSQL
  private let keepAlive: Int32

  init() throws {
    var template = Array("/tmp/orchestrator-crash-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw ProcessProblem("no folder for a cluster") }
    folder = template.withUnsafeBufferPointer { String(decoding: $0.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self) }
    server = EmbeddedPostgreSQL(folder: folder, settings: ["shared_buffers": "32MB", "max_connections": "100"])
    let ends = try makePipe()
    defer { close(ends[0]) }
    keepAlive = ends[1]
    let silence = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { close(silence) }
    let script = """
      cat; kill -QUIT "$(head -n 1 "$1/data/postmaster.pid")"; tries=0
      while [ -e "$1/data/postmaster.pid" ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done; rm -rf -- "$1"
      """
    _ = try DetachedProcess.start(["/bin/sh", "-c", script, "watcher", folder], input: ends[0], output: silence)
    connection = try server.start()
  }

  deinit { close(keepAlive) }

  /// SIGKILL to the postmaster and to what it leaves behind: a backend that waits for a lock of a dead one never notices that it is alone, and
  /// no server starts beside it. The next one recovers from the log.
  func killAndStartAgain() throws {
    guard let process = server.processIdentifier else { throw ProcessProblem("the server does not run") }
    kill(process, SIGKILL)
    while case let left = processesInFolder(), !left.isEmpty {
      for process in left { kill(process, SIGKILL) }
      sched_yield()
    }
    _ = try server.start()
  }

  /// All of a server's processes work in its data folder.
  private func processesInFolder() -> [Int32] {
    let files = FileManager.default
    let names = (try? files.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap(Int32.init).filter { (try? files.destinationOfSymbolicLink(atPath: "/proc/\($0)/cwd")) == "\(folder)/data" }
  }
}
