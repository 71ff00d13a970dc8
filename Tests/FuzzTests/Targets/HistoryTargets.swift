import Foundation

@testable import Orchestrator
@testable import orchestratord

/// What is read back from a history, and histories that come as files.
enum HistoryTargets {
  static let all = [
    FuzzTarget(name: "history-event", check: event),
    FuzzTarget(name: "history-file", check: file),
    FuzzTarget(name: "recorded-time", check: time),
  ]

  /// The first line is the name of an event type, the rest its attributes.
  @Sendable private static func event(_ bytes: [UInt8]) throws {
    let input = HeadedInput(bytes)
    let type = EventType.allCases.first { $0.name == input.head } ?? .activityTaskScheduled
    let row = HistoryEvent(eventID: 1, type: type, at: 0, causedBy: 0, attributes: input.body)
    try checkReader(input.body)
    _ = try taken(unless: AttributesError.self) { try CommandFingerprint(row) }
    _ = try declared { try ActivityTask(row) }
    guard let event = try declared({ try IncomingEvent(row) }), JSONGrammar.accepts(input.body) else { return }
    let first = event.encoded()
    try must(JSONGrammar.accepts(first), "what was read is written as JSON again")
    let second = try IncomingEvent(HistoryEvent(eventID: 1, type: type, at: 0, causedBy: 0, attributes: first)).encoded()
    try must(first == second, "what was written is read as the same event")
  }

  private static func declared<Value>(_ parse: () throws -> Value) throws -> Value? {
    try taken(unless: AttributesError.self) { try taken(unless: PayloadError.self, parse) }.flatMap(\.self)
  }

  /// Attributes are made of checked payloads: what the grammar takes, the reader must take, and see as Foundation sees it.
  private static func checkReader(_ bytes: [UInt8]) throws {
    let reader = try taken(unless: AttributesError.self) { try AttributesReader(bytes) }
    guard JSONGrammar.accepts(bytes),
      let object = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed) as? [String: Any]
    else { return }
    guard let reader else { throw BrokenProperty(description: "an object by the grammar is refused as attributes") }
    let text = String(decoding: bytes, as: UTF8.self)
    // Of a name that is written with escapes or comes twice, each reader may make what it wants: we never write such.
    guard !text.contains("\\"), text.components(separatedBy: "\"reason\"").count == 2 else { return }
    if object.count == 1, let reason = object["reason"] as? String {
      try must(reader.text("reason") == reason, "a text is read as Foundation reads it")
    }
    if object.count == 1, let payload = reader.payload("reason") {
      try must(JSONGrammar.accepts(payload.bytes), "the extent of a payload is one JSON value")
    }
  }

  @Sendable private static func file(_ bytes: [UInt8]) throws {
    guard let export = try taken(unless: OrchestratorError.self, { try HistoryExport(reading: bytes) }) else { return }
    let written = try export.encoded()
    try must(try HistoryExport(reading: written).encoded() == written, "a history that is written is read as the same")
    _ = try taken(unless: OrchestratorError.self) { try Replayer(KnownWorkflows.registry).replay(export) }
  }

  /// The first line is a text, the next eight bytes a number.
  @Sendable private static func time(_ bytes: [UInt8]) throws {
    let input = HeadedInput(bytes)
    if let time = RecordedTime(input.head) {
      try must(RecordedTime(time.description) == time, "a time that was read is written so that it reads the same")
      let isInUTC = input.head.uppercased().hasSuffix("Z")
      try must(!isInUTC || time.description.prefix(19) == input.head.uppercased().prefix(19), "nothing is carried over: \(time)")
    }
    var rest = FuzzInput(input.body)
    let time = RecordedTime(microseconds: rest.integer())
    let years = RecordedTime("0001-01-01T00:00:00Z")!...RecordedTime("9999-12-31T23:59:59.999999Z")!
    if years.contains(time) {
      try must(RecordedTime(time.description) == time, "\(time.microseconds) is written so that it reads the same")
    }
    try must(!time.description.isEmpty, "every number is a time that can be shown")
  }
}
