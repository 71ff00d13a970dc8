import Foundation
import Synchronization

/// Structured log lines on standard error: time, level, event, message, fields. Never payloads, keys or URLs with queries.
public enum Log {
  /// How much a line matters; `none` as a threshold writes nothing.
  public enum Level: Int, Sendable, Comparable {
    case debug, info, warning, error, none
    public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
  }

  private static let threshold = Mutex<Level>(.info)

  /// What is written from now on; default `.info`.
  public static func setLevel(_ level: Level) {
    threshold.withLock { $0 = level }
  }

  /// What helps to find a fault; not written by default.
  public static func debug(_ event: String, _ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String> = [:]) {
    write(.debug, event, message(), fields)
  }

  /// What an operator may want to know later: starts, stops, takeovers.
  public static func info(_ event: String, _ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String> = [:]) {
    write(.info, event, message(), fields)
  }

  /// What went wrong and mends itself.
  public static func warning(_ event: String, _ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String> = [:]) {
    write(.warning, event, message(), fields)
  }

  /// What went wrong and needs somebody.
  public static func error(_ event: String, _ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String> = [:]) {
    write(.error, event, message(), fields)
  }

  private static func write(
    _ level: Level, _ event: String, _ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String>
  ) {
    guard level >= threshold.withLock({ $0 }) else { return }
    let time = Date().formatted(.iso8601.time(includingFractionalSeconds: true))
    let suffix = fields.map { " \($0.key)=\($0.value)" }.joined()
    let text = message().replacingOccurrences(of: "\n", with: "\\n")
    FileHandle.standardError.write(Data("\(time) \(level) \(event): \(text)\(suffix)\n".utf8))
  }
}
