import Testing

@testable import Orchestrator

/// The failure tree keeps what helps and is bounded, wherever it comes from.
struct FailureTests {
  @Test("a tree keeps at most 8 levels, built here or read from a row")
  func depth() throws {
    var failure = Failure(type: "Level", message: "0")
    for level in 1..<40 { failure = Failure(type: "Level", message: "\(level)", cause: failure) }
    #expect(failure.levels == Limits.failureDepth)
    #expect(failure.message == "39")
    let deep = String(repeating: #"{"type":"T","cause":["#, count: 100) + #"{"type":"T"}"# + String(repeating: "]}", count: 100)
    #expect(try decode(deep).levels == Limits.failureDepth)
  }

  @Test("a message keeps at most 4096 bytes, never half a character of UTF-8", arguments: ["x", "é", "🎵", "👩‍👩‍👧‍👦", "e\u{301}"])
  func messageBytes(_ character: String) throws {
    let long = String(repeating: character, count: 5000)
    let failure = Failure(type: long, message: long)
    #expect(failure.message.utf8.count <= Limits.failureMessageBytes && failure.message.utf8.count > Limits.failureMessageBytes - 4)
    #expect(failure.type.utf8.count <= Limits.nameBytes)
    #expect(long.unicodeScalars.starts(with: failure.message.unicodeScalars))
    #expect(try decode(#"{"type":"T","message":"\#(long)"}"#).message == failure.message)
    #expect(Failure(type: "T", message: "short \(character)").message == "short \(character)")
  }

  @Test("what is missing in a row gets its default; a type must be there")
  func defaults() throws {
    #expect(try decode(#"{"type":"T"}"#) == Failure(type: "T", message: ""))
    #expect(throws: PayloadError.self) { try decode(#"{"message":"no type"}"#) }
    #expect(throws: PayloadError.self) { try decode(#"{"type":"T","kind":"invented"}"#) }
  }

  @Test("thrown errors become failures that keep type, retry wish and cause")
  func thrown() {
    let asked = Failure(ApplicationFailure(type: "Busy", message: "later", nextRetryDelay: .seconds(3)))
    #expect(asked == Failure(type: "Busy", message: "later", nextRetryDelayMilliseconds: 3000))
    let nested = Failure(ActivityFailure(activityType: "probe", sequence: 3, failure: asked))
    #expect(!nested.isRetryable && nested.cause == [asked] && nested.message.contains("probe (sequence 3)"))
    #expect(Failure(CancellationError()).kind == .cancelled)
    #expect(Failure(type: "a\u{0}b", message: "\u{0}") == Failure(type: "a\u{FFFD}b", message: "\u{FFFD}"))
    struct Unknown: Error {}
    #expect(Failure(Unknown()) == Failure(type: "Unknown", message: "Unknown()"))
  }

  @Test(
    "durations saturate instead of overflowing",
    arguments: [
      (.seconds(1), 1000), (.milliseconds(-1), -1), (.seconds(Int64.max), .max), (.seconds(Int64.min), .min),
      (.seconds(Int64.max / 1000) + .milliseconds(999), .max), (.nanoseconds(999_999), 0),
    ] as [(Duration, Int64)])
  func durations(_ duration: Duration, _ expected: Int64) {
    #expect(duration.milliseconds == expected)
    #expect(0...Limits.durationMilliseconds ~= duration.boundedMilliseconds)
  }

  private func decode(_ text: String) throws -> Failure {
    try PayloadCodec.decode(Failure.self, from: Payload(json: Array(text.utf8)))
  }
}

extension Failure {
  fileprivate var levels: Int { 1 + (cause.map(\.levels).max() ?? 0) }
}
