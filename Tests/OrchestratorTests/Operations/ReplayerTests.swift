import Foundation
import PostgreSQL
import Testing

@testable import Orchestrator

/// As `Chain`, but it asks for something else: what a later build may look like.
private struct ChangedChain: Workflow {
  static let name = "Chain"

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int { try await workflow.execute(TestSteps.failing, input) }
}

@Suite struct ReplayerTests {
  private static func export(_ count: Int) async throws -> HistoryExport {
    let fixture = try EngineFixture()
    return try await fixture.withEngine(testRegistry()) { engine in
      let handle = try await engine.client.start(Chain.self, id: "chain", input: count)
      _ = try await handle.result()
      return try await engine.client.export(try #require(handle.runID))
    }
  }

  @Test func `An exported history survives its file and replays on the code that wrote it`() async throws {
    let written = try await Self.export(3)
    let read = try HistoryExport(reading: try written.encoded())
    #expect(read.events.map(\.type) == written.events.map(\.type) && read.events.count == 8)
    #expect(try read.rows().map(\.at) == written.rows().map(\.at))
    let report = try Replayer(testRegistry()).replay(read)
    #expect(report.divergence == nil && report.events == 8 && report.workflowType == "Chain")
  }

  @Test func `Changed code is told the first event where it parts from the history, and both sides`() async throws {
    var registry = Registry()
    registry.register(ChangedChain.self)
    let divergence = try #require(try Replayer(registry).replay(try await Self.export(1)).divergence)
    #expect(divergence.code == "non-determinism" && divergence.eventID == 2)
    #expect(divergence.recorded?.contains("'double'") == true && divergence.found?.contains("'failing'") == true)
  }

  @Test func `A type that this build does not know, and a file that is none, are named as such`() async throws {
    let export = try await Self.export(0)
    #expect(try Replayer(Registry()).replay(export).divergence?.code == "unknown-workflow-type")
    for text in ["", "{}", "[1]", #"{"format":"other/1"}"#] {
      #expect(throws: OrchestratorError.self) { try HistoryExport(reading: Array(text.utf8)) }
    }
    let other = String(decoding: try export.encoded(), as: UTF8.self).replacing(HistoryExport.currentFormat, with: "orchestrator-history/9")
    #expect(throws: OrchestratorError.self) { try HistoryExport(reading: Array(other.utf8)) }
  }

  @Test func `Histories come in parts that fit together`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let handle = try await engine.client.start(Chain.self, id: "chain", input: 5)
      _ = try await handle.result()
      var seen: [Int32] = []
      var after: Int32? = 0
      while let last = after {
        let page = try await engine.client.history(try #require(handle.runID), after: last, limit: 5)
        #expect(page.events.count <= 5)
        seen += page.events.map(\.eventID)
        after = page.nextAfter
      }
      #expect(seen == Array(1...12))
    }
  }
}

@Suite struct DocumentValueTests {
  @Test(arguments: [
    "null", "true", "0", "-1", "9223372036854775807", "0.1", "123456789012345678901234567890", "3.0000000000000000000000000001", #""a\nb""#,
    "[]", "{}", #"{"a":[1,{"b":null}],"c":"ü"}"#,
  ])
  func `A payload in a document is the value that it holds, exactly`(text: String) throws {
    let encoded = try PayloadCodec.encode(["value": Payload(json: Array(text.utf8))])
    #expect(encoded.text == #"{"value":\#(text)}"#)
    #expect(try PayloadCodec.decode([String: Payload?].self, from: encoded)["value"]??.text ?? "null" == text)
  }

  @Test(arguments: [0, 1, -1, 999_999, 1_763_718_429_123_456, -62_000_000_000_000_001] as [Int64])
  func `A time is written with all its digits and read back`(microseconds: Int64) {
    let time = RecordedTime(microseconds: microseconds)
    #expect(RecordedTime(time.description) == time)
  }

  @Test func `Times of other zones and precisions are read, other texts are none`() {
    #expect(RecordedTime("2026-01-31T12:00:00Z")?.description == "2026-01-31T12:00:00.000000Z")
    #expect(RecordedTime("2026-01-31T12:00:00.5+02:00")?.description == "2026-01-31T10:00:00.500000Z")
    for text in ["", "yesterday", "2026-01-31", "2026-13-31T12:00:00Z", "2026-01-31T12:00:00", "2026-01-31T12:00:00.1234567Z"] {
      #expect(RecordedTime(text) == nil, "\(text)")
    }
  }
}
