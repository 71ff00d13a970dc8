import Foundation
import Synchronization

/// The raw figures of a session: one line of JSON for each round, in a file that stays.
final class BenchmarkResults: Sendable {
  let path: String
  private let file: Mutex<FileHandle>

  /// - Parameter folder: made when it is not there; the file's name is the time.
  init(folder: String, at time: Date = Date()) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let style = Date.ISO8601FormatStyle(dateTimeSeparator: .standard, timeSeparator: .omitted, timeZone: .gmt)
    path = "\(folder)/results-\(style.format(time)).jsonl"
    guard FileManager.default.createFile(atPath: path, contents: nil), let handle = FileHandle(forWritingAtPath: path) else {
      throw BenchmarkError("the file \(path) for the raw figures cannot be made")
    }
    file = Mutex(handle)
  }

  /// Appends a line; what a session that is broken off has measured is there.
  func add(_ report: BenchmarkReport) throws {
    let line = Data((try report.json() + "\n").utf8)
    try file.withLock { try $0.write(contentsOf: line) }
  }
}
