import Foundation
import Synchronization

/// Structured log lines on standard error: time, level, event, message, fields. Never payloads, keys or URLs with queries.
public enum Log {
  /// How much a line matters; `none` as a threshold writes nothing.
  public enum Level: Int, Sendable, Comparable {
    case debug, info, warning, error, none
    public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
  }

  /// How a line is written.
  public enum Format: String, Sendable, CaseIterable {
    /// For people: time, level, event, message, fields.
    case text
    /// For programs: one JSON object a line, whose members are these.
    case json
  }

  private static let settings = Mutex((threshold: Level.info, format: Format.text))

  /// Fields of every line that this task writes, such as the request it answers.
  @TaskLocal public static var context: [String: String] = [:]

  /// What is written from now on; default `.info`.
  public static func setLevel(_ level: Level) { settings.withLock { $0.threshold = level } }

  /// How it is written from now on; default `.text`.
  public static func setFormat(_ format: Format) { settings.withLock { $0.format = format } }

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
    let (threshold, format) = settings.withLock { $0 }
    guard level >= threshold else { return }
    let own = fields.map { (name: $0.key, value: $0.value) }
    let inherited = context.filter { field in !own.contains { $0.name == field.key } }.sorted { $0.key < $1.key }
      .map { (name: $0.key, value: $0.value) }
    let time = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    FileHandle.standardError.write(Data((line(time, level, event, message(), own + inherited, format) + "\n").utf8))
  }

  /// One line, whatever stands in the message.
  static func line(
    _ time: String, _ level: Level, _ event: String, _ message: String, _ fields: [(name: String, value: String)], _ format: Format
  ) -> String {
    switch format {
    case .text:
      let suffix = fields.map { " \($0.name)=\($0.value)" }.joined()
      return "\(time) \(level) \(event): \(message.replacing("\n", with: "\\n"))\(suffix)"
    case .json:
      var members = Dictionary(fields.map { ($0.name, $0.value) }) { first, _ in first }
      members.merge(["time": time, "level": "\(level)", "event": event, "message": message]) { $1 }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return (try? encoder.encode(members)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
  }
}
