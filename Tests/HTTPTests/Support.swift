import Foundation
import Synchronization
import Testing

@testable import HTTP

/// Runs the curl command line and returns what it printed.
func curl(_ arguments: String...) async throws -> (status: Int32, output: String) {
  let arguments = ["--silent", "--show-error", "--max-time", "20", "--noproxy", "*"] + arguments
  // Into a file: the end of a pipe would be inherited by every process that another test starts at the same moment.
  let file = FileManager.default.temporaryDirectory.appending(path: "curl-\(UUID().uuidString)")
  try Data().write(to: file)
  defer { try? FileManager.default.removeItem(at: file) }
  let output = try FileHandle(forWritingTo: file)
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
  process.arguments = arguments
  process.standardOutput = output
  process.standardError = output
  process.standardInput = FileHandle.nullDevice
  let status = try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Int32, any Error>) in
    process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
    do { try process.run() } catch { continuation.resume(throwing: error) }
  }
  return (status, String(decoding: try Data(contentsOf: file), as: UTF8.self))
}

/// A server for one test, drained at its end.
func withServer<Result>(
  _ configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
  handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse,
  _ body: (HTTPServer, String) async throws -> Result
) async throws -> Result {
  let server = try HTTPServer(configuration, handler: handler)
  do {
    let result = try await body(server, "http://127.0.0.1:\(server.port)")
    await server.drain(within: .seconds(2))
    return result
  } catch {
    await server.drain(within: .zero)
    throw error
  }
}
