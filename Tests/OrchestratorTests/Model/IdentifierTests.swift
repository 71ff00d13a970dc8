import Foundation
import Testing

@testable import Orchestrator

/// Identifiers sort by time, slots are the same in every language.
struct IdentifierTests {
  @Test("run ids of later milliseconds sort later, as text and as bytes")
  func order() {
    let times: [Int64] = [0, 1, 255, 256, 65_535, 65_536, 1_700_000_000_000, 1_700_000_000_001, 1 << 47, (1 << 48) - 1]
    let texts = times.map { RunID.generate(unixMilliseconds: $0).description }
    #expect(texts == texts.sorted())
    #expect(Set((0..<1000).map { _ in RunID.generate(unixMilliseconds: 5) }).count == 1000)
  }

  @Test("a run id is a UUID of version 7 with its time in the first 48 bits (RFC 9562 section 5.7)")
  func layout() {
    for _ in 0..<1000 {
      let text = RunID.generate(unixMilliseconds: 0x0123_4567_89AB).description
      #expect(text.hasPrefix("01234567-89ab-7"))
      #expect("89ab".contains(Array(text)[19]))
      #expect(RunID(text)?.description == text)
    }
  }

  @Test(
    "text that is no canonical UUID is refused",
    arguments: [
      "", "x", "01234567-89ab-7def-8000-00000000000", "{01234567-89ab-7def-8000-000000000000}", "01234567-89ab-7def-8000-000000000000 ",
      "0123456789ab7def8000000000000000",
    ])
  func refused(_ text: String) {
    #expect(RunID(text) == nil)
  }

  @Test(
    "a slot is the first byte of SHA-256(namespace/workflow id)",
    arguments: [
      ("default", "track-1", 142),
      ("default", "track-2", 41),
      ("default", "", 149),
      ("media", "größe/ß", 83),
      ("a/b", "c", 215),
      ("a", "b/c", 215),
      ("default", "🎵", 160),
      ("", "x", 179),
      ("default", "quote \" and line\n", 94),
    ] as [(String, String, Int16)])
  func slots(_ namespace: String, _ workflowID: String, _ expected: Int16) {
    #expect(Slot.of(namespace: namespace, workflowID: workflowID).number == expected)
    #expect(WorkflowKey(namespace: namespace, workflowID: workflowID).slot.number == expected)
  }

  @Test func `identifiers of one process grow, however many are made in a millisecond`() {
    let made = (0..<20_000).map { _ in RunID.generate() }
    #expect(zip(made, made.dropFirst()).allSatisfy { $0 < $1 })
  }
}
