import Foundation
import Synchronization
import Testing

/// A program that a test started; ended with the test at the latest.
final class RunningProgram: Sendable {
  private struct State {
    var output = ""
    var status: Int32?
  }

  private let state = Mutex(State())
  private let process = Process()

  /// - Parameter environment: set beside this process's own, which lends no `DATABASE_URL`.
  init(_ program: String, _ arguments: [String] = [], environment: [String: String] = [:], in folder: String) throws {
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.environment = ProcessInfo.processInfo.environment.filter { $0.key != "DATABASE_URL" }.merging(environment) { $1 }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    Thread.detachNewThread { [weak self] in
      while case let data = pipe.fileHandleForReading.availableData, !data.isEmpty {
        self?.state.withLock { $0.output += String(decoding: data, as: UTF8.self) }
      }
      self?.ended()
    }
  }

  deinit { process.terminate() }

  private func ended() {
    process.waitUntilExit()
    state.withLock { $0.status = process.terminationStatus }
  }

  var output: String { state.withLock { $0.output } }

  /// SIGTERM.
  func stop() { process.terminate() }

  /// Waits until it has ended by itself and gives its exit status.
  func exitStatus(within limit: Duration) async throws -> Int32 {
    try await waiting(within: limit) { state in state.status }
  }

  /// Waits until its output matches and gives the first captured text.
  func said(_ pattern: Regex<(Substring, Substring)>, within limit: Duration) async throws -> String {
    try await waiting(within: limit) { state in
      if let match = state.output.firstMatch(of: pattern) { return String(match.1) }
      if let status = state.status { throw Unexpected("the program ended with status \(status) and said: \(state.output)") }
      return nil
    }
  }

  private func waiting<Value>(within limit: Duration, for value: (State) throws -> Value?) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
      if let found = try value(state.withLock { $0 }) { return found }
      try await Task.sleep(for: .milliseconds(10))
    }
    throw Unexpected("nothing of the kind happened within \(limit); the program said: \(output)")
  }
}

struct Unexpected: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// A folder of one test, gone when the test ends; users other than the caller can pass through it. Its path is short: it may hold sockets.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "documents-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func contents() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path) }
}
