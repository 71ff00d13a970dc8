import Foundation
import Synchronization

/// Appends spans to a file, each as a line of JSON.
public final class JSONLinesExporter: SpanExporter {
  private let file: Mutex<FileHandle>

  /// - Throws: `OrchestratorError` with code `invalid-argument` for a file that cannot be written.
  public init(file path: String) throws {
    let isThere = FileManager.default.fileExists(atPath: path) || FileManager.default.createFile(atPath: path, contents: nil)
    guard isThere, let handle = FileHandle(forUpdatingAtPath: path) else {
      throw OrchestratorError(.invalidArgument, "the file for spans, \(path), cannot be written")
    }
    _ = try handle.seekToEnd()
    file = Mutex(handle)
  }

  /// A span that cannot be written is lost: what is traced goes on.
  public func export(_ span: Span) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let line = try? encoder.encode(span) else { return }
    file.withLock { try? $0.write(contentsOf: line + Data("\n".utf8)) }
  }
}
