import Foundation

/// What a server's `postmaster.pid` says: its process and where its socket is.
struct PostmasterFile {
  let process: pid_t
  let socketFolder: String

  /// The running server of this data folder; nil when there is none or the file is a dead server's.
  static func ofRunningServer(dataFolder: String) -> PostmasterFile? {
    guard let text = try? String(contentsOfFile: "\(dataFolder)/postmaster.pid", encoding: .utf8) else { return nil }
    // Lines: process, data folder, start time, port, socket folder, listen address, shared memory, status.
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard lines.count >= 5, let process = pid_t(lines[0]), process > 1, isServer(process, of: dataFolder) else { return nil }
    return PostmasterFile(process: process, socketFolder: lines[4])
  }

  /// A file whose process id now belongs to an unrelated program would make the server refuse to start.
  static func removeIfStale(dataFolder: String) {
    let path = "\(dataFolder)/postmaster.pid"
    guard let text = try? String(contentsOfFile: path, encoding: .utf8),
      let process = text.split(separator: "\n").first.flatMap({ pid_t($0) })
    else { return }
    // A dead process is left to the server, which then also checks for orphaned shared memory.
    if kill(process, 0) == 0 || errno == EPERM, !isServer(process, of: dataFolder) { unlink(path) }
  }

  /// The socket's own lock, likewise: a killed server that nobody reaped still has a process id.
  static func removeSocketLockIfStale(_ lock: String, dataFolder: String) {
    guard let text = try? String(contentsOfFile: lock, encoding: .utf8),
      let process = text.split(separator: "\n").first.flatMap({ pid_t($0) }),
      !isServer(process, of: dataFolder)
    else { return }
    unlink(lock)
  }

  /// A server's working folder is its data folder; a zombie has none.
  private static func isServer(_ process: pid_t, of dataFolder: String) -> Bool {
    guard let folder = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/cwd") else { return false }
    return folder == resolved(dataFolder)
  }

  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }
}
