import Foundation

/// Programs in Python against packages that are not ours, in the environment that scripts/python-tools makes.
public enum PythonTool {
  public static let interpreter = URL(filePath: #filePath).appending(path: "../../../.build/venv/bin/python3").standardizedFileURL.path

  public static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: interpreter) }

  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// Runs a program that reads one JSON value and prints one; waiting for it takes no thread that a server needs.
  public static func run<Answer: Decodable & Sendable>(
    _ program: String, _ order: some Encodable, as answer: Answer.Type
  ) async throws -> Answer {
    let input = try JSONEncoder().encode(order)
    let printed = try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Result { try output(of: program, input) }) }
    }
    return try JSONDecoder().decode(answer, from: printed)
  }

  private static func output(of program: String, _ order: Data) throws -> Data {
    let process = Process()
    process.executableURL = URL(filePath: interpreter)
    process.arguments = ["-c", program]
    let (input, output, errors) = (Pipe(), Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: order)
    try input.fileHandleForWriting.close()
    let printed = try output.fileHandleForReading.readToEnd() ?? Data()
    let said = try errors.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(description: String(decoding: said.suffix(2000), as: UTF8.self)) }
    return printed
  }
}
