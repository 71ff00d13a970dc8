import Cryptography
import Foundation
import Synchronization

/// A private PostgreSQL cluster in a folder of its own, reachable only through a Unix socket of its owner.
///
/// `start()` makes the cluster when there is none, adopts a server that already runs on the folder (left by a killed program),
/// and lets PostgreSQL recover after a crash. The server outlives this object: call `stop()`. All calls block.
public final class EmbeddedPostgreSQL: Sendable {
  public let folder: String
  private let settings: [String: String]
  private let child = Mutex<DetachedProcess?>(nil)

  private static let userName = "orchestrator"
  private static let databaseName = "orchestrator"
  private static let port = 5432
  /// `sun_path` holds 108 bytes with its NUL; the socket's own name takes the rest.
  private static let longestSocketFolder = 107 - "/.s.PGSQL.\(port)".utf8.count
  private static let largestLog = 10 << 20

  /// - Parameter settings: server settings beyond the defaults, for example `["shared_buffers": "32MB"]`.
  public init(folder: String, settings: [String: String] = [:]) {
    self.folder = URL(fileURLWithPath: folder).standardizedFileURL.path
    self.settings = settings
  }

  private var dataFolder: String { "\(folder)/data" }
  private var logFile: String { "\(folder)/postgresql.log" }

  /// The process of the running server, nil when none runs.
  public var processIdentifier: Int32? { PostmasterFile.ofRunningServer(dataFolder: dataFolder)?.process }

  /// Starts or adopts the server, waits until it answers, and returns how to connect to its database `orchestrator`.
  public func start(timeout: Duration = .seconds(60)) throws -> ConnectionConfiguration {
    let deadline = ContinuousClock.now + timeout
    try makeFolder(folder)
    let installation = try PostgresInstallation.find(forClusterOfVersion: clusterVersion())
    try createClusterIfMissing(installation)
    let administration = try startUntilReady(installation, deadline)
    try createDatabaseIfMissing(administration)
    return try administration.with(database: Self.databaseName)
  }

  /// Fast shutdown: open transactions are rolled back, committed data is on disk. Does nothing when no server runs.
  public func stop(timeout: Duration = .seconds(30)) throws {
    guard let process = processIdentifier else { return reap() }
    kill(process, SIGINT)
    if waitForEnd(of: process, until: .now + timeout) { return }
    // Immediate shutdown is safe: the next start recovers from the log.
    kill(process, SIGQUIT)
    guard waitForEnd(of: process, until: .now + .seconds(10)) else {
      throw DatabaseError(.clusterFailed, "the PostgreSQL server \(process) of \(folder) does not stop; see \(logFile)")
    }
  }

  /// Called when no server runs on the folder: a child left has ended, is about to, or never became a server.
  private func reap() {
    let ended = child.withLock { child in
      defer { child = nil }
      return child
    }
    guard let ended else { return }
    kill(ended.identifier, SIGINT)
    _ = ended.wait()
  }

  private func waitForEnd(of process: pid_t, until deadline: ContinuousClock.Instant) -> Bool {
    while ContinuousClock.now < deadline {
      if processIdentifier != process {
        reap()
        return true
      }
      usleep(5_000)
    }
    return false
  }
}

// MARK: - Making the cluster

extension EmbeddedPostgreSQL {
  private func clusterVersion() -> String? {
    (try? String(contentsOfFile: "\(dataFolder)/PG_VERSION", encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// A folder only the server's user can enter.
  private func makeFolder(_ path: String) throws {
    do {
      // The server's user must be able to pass through what lies above.
      let parent = (path as NSString).deletingLastPathComponent
      try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw DatabaseError(.clusterFailed, "cannot make the folder \(path): \(error.localizedDescription)")
    }
    try handOver(path)
  }

  private func handOver(_ path: String) throws {
    guard let owner = try PostgresInstallation.owner() else { return }
    guard chown(path, owner.user, owner.group) == 0 else {
      throw DatabaseError(.clusterFailed, "cannot give \(path) to the user postgres: \(String(cString: strerror(errno)))")
    }
  }

  /// Made beside its place and renamed when complete: a crash in between leaves nothing that looks like a cluster.
  private func createClusterIfMissing(_ installation: PostgresInstallation) throws {
    guard clusterVersion() == nil else { return }
    let unfinished = "\(folder)/data.unfinished"
    try? FileManager.default.removeItem(atPath: unfinished)
    let arguments = [
      "-D", unfinished, "-U", Self.userName, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions",
    ]
    let log = try openLog()
    defer { close(log) }
    guard try DetachedProcess.start(installation.command("initdb", arguments), output: log).wait() == 0 else {
      let log = logTail()
      let advice = log.contains("Permission denied") ? " Choose a folder that the user postgres can reach." : ""
      throw DatabaseError(.clusterFailed, "initdb failed in \(folder): \(log)\(advice)")
    }
    guard rename(unfinished, dataFolder) == 0 else {
      throw DatabaseError(.clusterFailed, "cannot rename \(unfinished): \(String(cString: strerror(errno)))")
    }
  }

  private func createDatabaseIfMissing(_ administration: ConnectionConfiguration) throws {
    let find = Statement(name: "find", sql: "select 1 from pg_database where datname = $1", parameterTypes: [.text])
    let create = Statement(name: "create", sql: "create database \(Self.databaseName)")
    let connection = try PipelineConnection(administration)
    if try connection.run((find, Parameters(Self.databaseName)))[0].count == 0 {
      _ = try connection.run((create, Parameters()))
    }
  }
}

// MARK: - Running the server

extension EmbeddedPostgreSQL {
  private func startUntilReady(_ installation: PostgresInstallation, _ deadline: ContinuousClock.Instant) throws -> ConnectionConfiguration
  {
    var hasSpawned = false
    while ContinuousClock.now < deadline {
      if let running = PostmasterFile.ofRunningServer(dataFolder: dataFolder) {
        let configuration = administration(socketFolder: running.socketFolder)
        if isReady(configuration) { return configuration }
      } else {
        try spawnUnlessStarting(installation, &hasSpawned)
      }
      usleep(5_000)
    }
    throw DatabaseError(.clusterFailed, "PostgreSQL did not become ready in \(folder); its log ends: \(logTail())")
  }

  private func spawnUnlessStarting(_ installation: PostgresInstallation, _ hasSpawned: inout Bool) throws {
    try child.withLock { child in
      if let previous = child {
        // It still starts, or is the server of an earlier start that was just killed.
        guard previous.exitCodeIfEnded() != nil else { return }
        child = nil
        // After a crash the old server's processes may need a moment to let go of shared memory.
        guard !hasSpawned || logTail(bytes: 65_536, lines: .max).contains("pre-existing shared memory block") else {
          throw DatabaseError(.clusterFailed, "PostgreSQL did not start in \(folder); its log ends: \(logTail())")
        }
      }
      PostmasterFile.removeIfStale(dataFolder: dataFolder)
      child = try spawn(installation)
      hasSpawned = true
    }
  }

  private func spawn(_ installation: PostgresInstallation) throws -> DetachedProcess {
    let socketFolder = try makeSocketFolder()
    PostmasterFile.removeSocketLockIfStale("\(socketFolder)/.s.PGSQL.\(Self.port).lock", dataFolder: dataFolder)
    var all = settings
    all["listen_addresses"] = ""
    all["unix_socket_directories"] = "\"\(socketFolder)\""
    all["unix_socket_permissions"] = "0700"
    all["port"] = String(Self.port)
    let options = all.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    let log = try openLog()
    defer { close(log) }
    return try DetachedProcess.start(installation.command("postgres", ["-D", dataFolder] + options), output: log)
  }

  private func makeSocketFolder() throws -> String {
    let inside = "\(folder)/socket"
    if inside.utf8.count <= Self.longestSocketFolder {
      try makeFolder(inside)
      return inside
    }
    let name = Digest.sha256(Array(folder.utf8)).prefix(8).map { String(format: "%02x", $0) }.joined()
    let path = "/tmp/orchestrator-\(name)"
    if mkdir(path, 0o700) == 0 { try handOver(path) }
    // In a folder everybody can write to, the name may be somebody else's.
    var status = stat()
    let owner = try PostgresInstallation.owner()?.user ?? geteuid()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == owner, status.st_mode & 0o077 == 0 else {
      throw DatabaseError(.clusterFailed, "\(path), needed for the socket because \(folder) is too long a path, belongs to another user")
    }
    return path
  }

  private func administration(socketFolder: String) -> ConnectionConfiguration {
    let host = socketFolder.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
    return ConnectionConfiguration("host='\(host)' port=\(Self.port) user=\(Self.userName) dbname=postgres")
  }

  private func isReady(_ configuration: ConnectionConfiguration) -> Bool {
    let ping = Statement(name: "ping", sql: "select 1")
    return (try? PipelineConnection(configuration).run((ping, Parameters()), timeout: .seconds(5))) != nil
  }

  private func openLog() throws -> Int32 {
    var status = stat()
    if stat(logFile, &status) == 0, status.st_size > Self.largestLog { rename(logFile, "\(logFile).1") }
    let descriptor = open(logFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw DatabaseError(.clusterFailed, "cannot write \(logFile): \(String(cString: strerror(errno)))")
    }
    return descriptor
  }

  private func logTail(bytes: Int = 1_500, lines: Int = 8) -> String {
    guard let log = FileManager.default.contents(atPath: logFile) else { return "(no log)" }
    return String(decoding: log.suffix(bytes), as: UTF8.self).split(separator: "\n").suffix(lines).joined(separator: " | ")
  }
}
