import Testing

@testable import Orchestrator

/// Attributes of events: written and read back alike; damaged bytes only ever throw.
struct AttributesTests {
  static let texts = [
    "", "plain", "quote \" and backslash \\", "line\nfeed\ttab\rreturn\u{0}null\u{1F}unit\u{7F}delete", "größe", "🎵👩‍👩‍👧‍👦", "e\u{301}",
    "\u{2028}\u{2029}\u{FEFF}", #"{"looks":"like","json":[1]}"#, "}],:", String(repeating: "long ", count: 2000),
  ]

  @Test("a text comes back as it was, and Foundation reads the same", arguments: texts)
  func text(_ text: String) throws {
    var writer = AttributesWriter()
    writer.field("text", text)
    writer.field("absent", nil as String?)
    let bytes = writer.finish()
    let reader = try AttributesReader(bytes)
    #expect(reader.text("text").map { Array($0.utf8) } == Array(text.utf8))
    #expect(reader.text("absent") == nil)
    #expect(try PayloadCodec.decode([String: String].self, from: Payload(json: bytes)) == ["text": text])
  }

  @Test("an integer comes back as it was", arguments: [0, 1, 9, 10, -1, -9, -10, Int64(Int32.max), .max, .min])
  func integers(_ value: Int64) throws {
    var writer = AttributesWriter()
    writer.field("value", value)
    #expect(try AttributesReader(writer.finish()).integer("value") == value)
  }

  @Test(
    "what is no integer of 64 bits reads as none",
    arguments: ["-", "1.5", "1e3", "9223372036854775808", "\"1\"", "null", "+1", "--1", "[1]"])
  func notIntegers(_ text: String) throws {
    #expect(try AttributesReader(Array("{\"value\":\(text)}".utf8)).integer("value") == nil)
  }

  @Test(
    "a nested payload keeps its bytes",
    arguments: ["null", "true", "-1.5e3", #""te}xt\"""#, "[]", #"[1,{"a":[{}]},"]"]"#, #"{"a":{"b":"}{"}}"#, #" { "a" : 1 } "#])
  func payloads(_ text: String) throws {
    var writer = AttributesWriter()
    writer.field("before", 1)
    writer.field("payload", Payload(json: Array(text.utf8)))
    writer.field("after", "end")
    let reader = try AttributesReader(writer.finish())
    #expect(reader.payload("payload")?.text.trimmed == text.trimmed)
    #expect(reader.integer("before") == 1 && reader.text("after") == "end")
    #expect(reader.payload("missing") == nil && reader.payload("a") == nil)
  }

  @Test(
    "bytes that are no JSON object are refused",
    arguments: [
      "", "{", "}", "[]", "null", "{]", #"{"a"}"#, #"{"a":}"#, #"{"a":1"#, #"{"a":1,}"#, #"{"a":"x}"#, #"{"a":"\"#, "{1:2}", "{}{}",
      #"{"a":1}x"#,
    ])
  func refused(_ text: String) {
    #expect(throws: AttributesError.self) { try AttributesReader(Array(text.utf8)) }
  }

  @Test("100,000 damaged rows throw or read, and never crash")
  func damaged() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = DeterministicRandom(seed: RuntimeHarness.info(seed: seed).runID)
    let rows = try Self.rows()
    var thrown = 0
    for round in 0..<100_000 {
      let row = rows[round % rows.count]
      var bytes = row.attributes
      for _ in 0...Int.random(in: 0..<4, using: &random) { Self.damage(&bytes, using: &random) }
      let event = HistoryEvent(eventID: 1, type: row.type, at: 0, causedBy: 0, attributes: bytes)
      do {
        if row.type.isCommand { _ = try (CommandFingerprint(event), ActivityTask(event)) } else { _ = try IncomingEvent(event) }
      } catch {
        #expect(error is AttributesError || error is PayloadError, "seed \(seed) round \(round): \(error)")
        thrown += 1
      }
    }
    #expect(thrown > 10_000, "seed \(seed)")
  }

  @Test("every kind of event reads back what was written")
  func roundTrip() throws {
    for row in try Self.rows() where !row.type.isCommand {
      let incoming = try IncomingEvent(row)
      #expect(incoming.encoded() == row.attributes)
      #expect(incoming.type == row.type)
    }
    let options = ActivityOptions(taskQueue: "q", heartbeat: .seconds(3), onExhausted: .park)
    for options in [options, ActivityOptions(taskQueue: "plain")] {
      let task = ActivityTask(sequence: 9, activityType: "probe", input: .null, options: options)
      let command = Command.scheduleActivity(task)
      let event = HistoryEvent(eventID: 2, type: command.type, at: 0, causedBy: 1, attributes: command.encoded())
      #expect(try ActivityTask(event) == task)
      #expect(try CommandFingerprint(event) == command.fingerprint)
    }
  }

  private static func rows() throws -> [HistoryEvent] {
    let failure = Failure(type: "T", message: "m \"é\"", cause: Failure(type: "U", message: ""))
    let incoming: [IncomingEvent] = [
      .started(
        StartedAttributes(
          workflowType: "W", namespace: "default", workflowID: "größe", input: .null, identity: "\u{1}", build: "b")),
      .started(
        StartedAttributes(
          workflowType: "W", namespace: "n", workflowID: "w", input: .null, identity: "", build: "",
          lineage: Lineage(
            continued: Continuation(
              runID: .generate(), firstRunID: .generate(),
              signals: [SignaledAttributes(name: "s", input: Payload(json: Array(#"[{"a":"]"},1]"#.utf8)), identity: "", requestID: "")],
              requests: ["a", "\"b\\"], cancelRequestedBy: "c"),
            parent: ParentWorkflow(runID: .generate(), namespace: "n", workflowID: "p", sequence: 3)))),
      .childEnded(ChildOutcome(sequence: 1, runID: .generate(), status: .completed, payload: Payload(json: Array("[1]".utf8)))),
      .childEnded(ChildOutcome(sequence: 2, runID: .generate(), status: .failed, payload: failure.payload)),
      .childEnded(ChildOutcome(sequence: 3, runID: .generate(), status: .canceled, payload: nil)),
      .signaled(SignaledAttributes(name: "s", input: Payload(json: Array(#"{"a":[1]}"#.utf8)), identity: "", requestID: "r")),
      .cancelRequested(reason: "r", identity: "i"), .terminated(reason: "r", identity: "i"),
      .activityCompleted(sequence: 1, result: .null, by: "w"), .activityCompleted(sequence: 1, result: .null, by: nil),
      .activityFailed(sequence: 2, failure: failure, by: nil), .activityTimedOut(sequence: .max, failure: failure),
      .activityCanceled(sequence: 3, by: "w"),
      .timerFired(sequence: 4), .markerRecorded(sequence: 5, name: "n", outcome: .success(.null)),
      .markerRecorded(sequence: 5, name: "n", outcome: .failure(failure)),
    ]
    let task = ActivityTask(sequence: 1, activityType: "a", input: .null, options: ActivityOptions(heartbeat: .seconds(1)))
    let command = Command.scheduleActivity(task)
    return incoming.map { HistoryEvent(eventID: 1, type: $0.type, at: 0, causedBy: 0, attributes: $0.encoded()) }
      + [HistoryEvent(eventID: 1, type: command.type, at: 0, causedBy: 0, attributes: command.encoded())]
  }

  private static func damage(_ bytes: inout [UInt8], using random: inout DeterministicRandom) {
    guard !bytes.isEmpty else { return bytes.append(UInt8.random(in: 0...255, using: &random)) }
    let position = Int.random(in: 0..<bytes.count, using: &random)
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
    case 1: bytes.removeSubrange(position...)
    case 2: bytes.remove(at: position)
    case 3: bytes.insert(Array(#"{}[]":,\-0"#.utf8).randomElement(using: &random) ?? 0, at: position)
    default: bytes.insert(contentsOf: bytes[position...], at: position)
    }
  }
}

extension String {
  fileprivate var trimmed: Substring {
    let rest = drop { $0 == " " }
    return rest.prefix(upTo: rest.lastIndex { $0 != " " }.map(rest.index(after:)) ?? rest.endIndex)
  }
}
