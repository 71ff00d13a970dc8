import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// No message waits for longer than its own transaction because one with a later identifier was seen first.
@Suite struct InboxReaderTests {
  private let slot = Slot(7)

  private func rows(_ messageIDs: some Sequence<Int64>) -> [InboxRow] {
    messageIDs.map { InboxRow(messageID: $0, runID: RunID.floor(unixMilliseconds: 1), slot: slot, kind: .signal, attributes: []) }
  }

  /// Reads once at this time.
  private func read(
    _ reader: inout InboxReader, at now: Int64, _ messageIDs: some Sequence<Int64>, oldestOpen: Int64, next: Int64
  ) -> [Int64] {
    reader.wake()
    guard reader.begin(at: now) != nil else { return [] }
    return reader.end(rows(messageIDs), TransactionWindow(oldestOpen: oldestOpen, next: next)).map(\.messageID)
  }

  @Test func `a read begins behind a message only when all transactions that were open beside it have ended`() {
    var reader = InboxReader()
    expect(read(&reader, at: 1, [2], oldestOpen: 100, next: 102), [2])
    // Transaction 100 drew identifier 1 and is still open; then it commits.
    expect(read(&reader, at: 2, [2], oldestOpen: 100, next: 103), [])
    expect(read(&reader, at: 3, [1, 2], oldestOpen: 103, next: 103), [1])
    reader.wake()
    expect(reader.begin(at: 4), 2)
  }

  @Test func `a transaction that stays open is waited for a second, and costs others little from then on`() {
    var reader = InboxReader()
    _ = read(&reader, at: 1, [2], oldestOpen: 100, next: 102)
    reader.wake()
    expect(reader.begin(at: InboxReader.patience), 0)
    _ = reader.end([], nil)
    let late = 2 + InboxReader.patience
    expect(read(&reader, at: late, [3], oldestOpen: 100, next: 103), [3])
    reader.wake()
    expect(reader.begin(at: late + InboxReader.patienceBesideStrangers), 3)
    _ = reader.end([], nil)
    // The full read finds what it wrote.
    reader.wake()
    expect(reader.begin(at: 1 + InboxReader.fullInterval), 0)
    expect(reader.end(rows([1]), TransactionWindow(oldestOpen: 104, next: 104)).map(\.messageID), [1])
  }

  @Test func `pages of a long inbox follow each other although a transaction is open`() {
    var reader = InboxReader()
    let page = Int64(Limits.inboxRead)
    expect(read(&reader, at: 1, 2...page + 1, oldestOpen: 100, next: 102).count, Int(page))
    expect(reader.wantsRead, true)
    expect(reader.begin(at: 2), page + 1)
    expect(reader.end(rows([page + 2]), TransactionWindow(oldestOpen: 103, next: 103)).count, 1)
    // The second page saw the transaction's end, the first did not: what it wrote is before it.
    reader.wake()
    expect(reader.begin(at: 3), 0)
  }

  @Test func `a message that is deleted while a read is under way is not delivered again by it`() {
    var reader = InboxReader()
    expect(read(&reader, at: 1, [1], oldestOpen: 100, next: 102), [1])
    reader.wake()
    _ = reader.begin(at: 2)
    reader.gone([1])
    expect(reader.end(rows([1, 2]), TransactionWindow(oldestOpen: 100, next: 103)).map(\.messageID), [2])
    expect(Set(reader.taken.keys), [2])
  }

  @Test func `a read that was under way when slots came does not hide their earlier messages`() {
    var reader = InboxReader()
    reader.wake()
    _ = reader.begin(at: 1)
    reader.startOver()
    expect(reader.end(rows([9]), TransactionWindow(oldestOpen: 103, next: 103)).map(\.messageID), [9])
    expect(reader.begin(at: 2), 0)
  }

  @Test func `of two real transactions the one that drew its identifier first and commits last is seen by the next read`() async throws {
    let fixture = try EngineFixture()
    let registration = try PipelineConnection(fixture.database)
    var process = Parameters("test", "test")
    process.appendInterval(microseconds: 10_000_000)
    let store = try PostgresStore(
      fixture.database, processID: try registration.run((OwnershipStatements.register, process))[0].int64(0, 0))
    var reader = InboxReader()
    func readOnce() async throws -> Int {
      reader.wake()
      guard let floor = reader.begin(at: 1) else { return 0 }
      store.readInbox(slots: [slot], above: floor)
      var fresh: [InboxRow]?
      try await eventually("the inbox is read") {
        for case .inbox(let rows, let window) in store.takeAnswers() { fresh = reader.end(rows, window) }
        return fresh != nil
      }
      return fresh?.count ?? 0
    }
    let insert = Statement(
      name: "insert_message",
      sql: "insert into orchestrator.inbox (slot, run_id, kind, attributes) values (7, gen_random_uuid(), 2, '{}')")
    try await fixture.pool.transaction { early in
      _ = try await early.query(insert)
      _ = try await fixture.pool.query(insert)
      #expect(try await readOnce() == 1)
      #expect(try await readOnce() == 0)
    }
    #expect(try await readOnce() == 1)
    #expect(try await readOnce() == 0)
  }
}

/// Evaluates outside of the macro, which does not take mutating calls.
private func expect<Value: Equatable>(_ found: Value, _ wanted: Value, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(found == wanted, sourceLocation: sourceLocation)
}
