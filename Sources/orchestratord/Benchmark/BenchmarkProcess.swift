import CProcess
import Foundation
import PostgreSQL

/// The executable whose copies take parts in a measurement, and which of its roles they take.
struct BenchmarkProgram: Sendable {
  /// What a process of the benchmark does.
  enum Role: String, CaseIterable, Sendable {
    /// Owns slots and runs activities in its process.
    case owner
    /// Runs activities of the queue that nobody else serves.
    case worker
    /// Owns slots and answers HTTP as `serve` does, with the benchmark's workflows.
    case server
    /// Takes uploads in parts into a folder that comes behind the connection string.
    case receiver
  }

  let path: String

  /// The program that runs here.
  static func running() throws -> BenchmarkProgram {
    BenchmarkProgram(path: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
  }
}

/// A process of the benchmark. It ends when this one does, however that ends: the pipe it reads from is closed then.
final class BenchmarkProcess: Sendable {
  let identifier: pid_t
  /// What it said when it was ready: a server its URL.
  let word: String
  private let process: DetachedProcess
  private let input: FileHandle

  /// Starts it and waits until it is ready.
  static func start(
    _ role: BenchmarkProgram.Role, _ program: BenchmarkProgram, _ database: ConnectionConfiguration, words: [String] = []
  ) async throws -> BenchmarkProcess {
    try await onOwnThread { try BenchmarkProcess(role, program, [database.connectionString] + words) }
  }

  private init(_ role: BenchmarkProgram.Role, _ program: BenchmarkProgram, _ words: [String]) throws {
    let (input, output) = (Pipe(), Pipe())
    process = try DetachedProcess.start(
      [program.path, "bench-process", role.rawValue], input: input.fileHandleForReading.fileDescriptor,
      output: output.fileHandleForWriting.fileDescriptor)
    try output.fileHandleForWriting.close()
    try input.fileHandleForReading.close()
    identifier = process.identifier
    self.input = input.fileHandleForWriting
    // Over the pipe: a connection string may hold a password, and arguments are for everybody to see.
    try self.input.write(contentsOf: Data(words.map { $0 + "\n" }.joined().utf8))
    guard let word = Self.firstWord(of: output.fileHandleForReading) else {
      _ = process.wait()
      throw BenchmarkError("the benchmark's \(role.rawValue) process ended before it was ready")
    }
    self.word = word
  }

  /// What follows `ready ` in its output; nil when it ends before. What it says later is read and forgotten, so that it never waits for us.
  private static func firstWord(of output: FileHandle) -> String? {
    var text = ""
    while case let data = output.availableData, !data.isEmpty {
      text += String(decoding: data, as: UTF8.self)
      guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("ready ") }), text.hasSuffix("\n") else { continue }
      Thread.detachNewThread { while !output.availableData.isEmpty {} }
      return String(line.dropFirst(6))
    }
    return nil
  }

  /// Kills it as a power cut would, and waits until it is gone.
  func kill() {
    Glibc.kill(identifier, SIGKILL)
    _ = process.wait()
  }

  /// Lets it end in good order.
  func stop() async {
    try? input.close()
    let process = process
    _ = try? await onOwnThread { process.wait() }
  }
}
