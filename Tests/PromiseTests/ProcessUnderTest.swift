import Foundation
import PostgreSQL
import Synchronization
import TestSupport

/// A process of the engine that a test kills, freezes and listens to. It ends with the test, however that ends.
final class ProcessUnderTest: Sendable {
  let name: String
  private let process: DetachedProcess
  private let keepAlive: Int32
  private let output = Mutex<[String]>([])
  private let hasEnded = Mutex(false)
  private let isKilled = Mutex(false)

  var processIdentifier: Int32 { process.identifier }

  /// Starts `EngineProcess` with these arguments; its lines are gathered from the beginning.
  init(_ name: String, database: ConnectionConfiguration, role: String = "owner", _ arguments: [String] = []) throws {
    self.name = name
    let input = try makePipe()
    let lines = try makePipe()
    defer {
      close(input[0])
      close(lines[1])
    }
    keepAlive = input[1]
    process = try DetachedProcess.start(
      [try Self.executable(), "--database", database.connectionString, "--role", role, "--name", name] + arguments, input: input[0],
      output: lines[1])
    read(lines[0])
  }

  deinit {
    kill()
    close(keepAlive)
  }

  /// Built beside this test's own executable.
  static func executable() throws -> String {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let path = URL(fileURLWithPath: own).deletingLastPathComponent().appending(path: "EngineProcess").path
    guard FileManager.default.isExecutableFile(atPath: path) else { throw ProcessProblem("\(path) is not built") }
    return path
  }

  private func read(_ descriptor: Int32) {
    Thread.detachNewThread { [weak self] in
      var rest: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        guard count > 0 else { break }
        rest.append(contentsOf: buffer[..<count])
        // A line without its end was not said.
        guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { continue }
        let lines = rest[..<end].split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        self?.output.withLock { $0.append(contentsOf: lines) }
        rest.removeSubrange(...end)
      }
      close(descriptor)
      self?.hasEnded.withLock { $0 = true }
    }
  }

  /// Everything it said so far, log lines included.
  var lines: [String] { output.withLock { $0 } }

  /// The words behind this verb, one entry per line.
  func said(_ verb: String) -> [[String]] {
    lines.map { $0.split(separator: " ").map(String.init) }.filter { $0.first == verb }.map { Array($0.dropFirst()) }
  }

  func waitUntilSaid(_ verb: String, within limit: Duration = .seconds(90)) async throws {
    try await eventually(within: limit, "process \(name) says \(verb)") {
      if !self.said(verb).isEmpty { return true }
      if self.hasEnded.withLock({ $0 }) { throw ProcessProblem("process \(self.name) ended: \(self.lines.suffix(5))") }
      return false
    }
  }

  /// SIGKILL; returns when it is gone and all that it said was read.
  func killAndWait() async throws {
    kill()
    try await eventually("all lines of \(name) are read") { self.hasEnded.withLock { $0 } }
  }

  private func kill() {
    let mustKill = isKilled.withLock { killed in
      defer { killed = true }
      return !killed
    }
    guard mustKill else { return }
    Glibc.kill(process.identifier, SIGKILL)
    _ = process.wait()
  }

  func freeze() { Glibc.kill(process.identifier, SIGSTOP) }
  func thaw() { Glibc.kill(process.identifier, SIGCONT) }

  /// SIGTERM: it gives its slots up in good order and ends.
  func endInGoodOrder() async throws {
    Glibc.kill(process.identifier, SIGTERM)
    try await waitUntilSaid("ended")
  }

  /// Bytes of memory that it holds now.
  func residentBytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
      let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0.trimmingCharacters(in: .whitespaces)) })
    else { throw ProcessProblem("no VmRSS of \(name)") }
    return kilobytes * 1024
  }
}

struct ProcessProblem: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A pipe's reading and writing end; children get only what is handed to them.
func makePipe() throws -> [Int32] {
  var ends: [Int32] = [0, 0]
  guard pipe(&ends) == 0, ends.allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }) else { throw ProcessProblem("no pipe") }
  return ends
}
