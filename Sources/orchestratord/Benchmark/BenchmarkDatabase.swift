import Foundation
import Orchestrator
import PostgreSQL

/// Two fresh databases on the given server, gone afterwards: one for the engine, one with the same tables for the bound.
struct BenchmarkDatabase: Sendable {
  let engine: ConnectionConfiguration
  let bound: ConnectionConfiguration
  private let administration: ConnectionConfiguration
  private let names: [String]

  /// Creates and migrates both.
  init(_ server: ConnectionConfiguration, _ migrations: [Migration]) throws {
    let name = "orchestrator_bench_\(ProcessInfo.processInfo.processIdentifier)"
    administration = server
    names = [name, "\(name)_bound"]
    let connection = try PipelineConnection(server)
    for name in names {
      _ = try connection.run((BenchmarkStatements.dropDatabase(name), Parameters()))
      _ = try connection.run((BenchmarkStatements.createDatabase(name), Parameters()))
    }
    engine = try server.with(database: names[0])
    bound = try server.with(database: names[1])
    for database in [engine, bound] { _ = try Migrator(database).apply(migrations) }
  }

  func drop() throws {
    let connection = try PipelineConnection(administration)
    for name in names { _ = try connection.run((BenchmarkStatements.dropDatabase(name), Parameters())) }
  }

  /// Where the server stands now.
  func position() throws -> ServerPosition {
    let rows = try PipelineConnection(bound).run((BenchmarkStatements.position, Parameters()))[0]
    return ServerPosition(wal: try rows.int64(0, 0), transactions: try rows.int64(0, 1))
  }

  /// Rows of the history, and those of them that stand for steps.
  func historyRows() throws -> (all: Int, steps: Int) {
    let rows = try PipelineConnection(engine).run((BenchmarkStatements.historyRows, Parameters()))[0]
    return (Int(try rows.int64(0, 0)), Int(try rows.int64(0, 1)))
  }

  func perform(_ statement: Statement) throws {
    _ = try PipelineConnection(engine).run((statement, Parameters()))
  }

  func number(_ statement: Statement) throws -> Int {
    Int(try PipelineConnection(engine).run((statement, Parameters()))[0].int64(0, 0))
  }

  /// A checkpoint that the measured time would otherwise have to pay for.
  func checkpoint() throws {
    _ = try PipelineConnection(administration).run((BenchmarkStatements.checkpoint, Parameters()))
  }

  /// Rows as the engine wrote them.
  func sample(_ limit: Int, _ statement: Statement = BenchmarkStatements.sample) throws -> [BenchmarkRow] {
    try BenchmarkRow.read(try PipelineConnection(engine).run((statement, Parameters(Int64(limit))))[0])
  }

  /// Histories of so many rows together; the last one may lack its end.
  func histories(_ limit: Int) throws -> [(RunID, [HistoryEvent])] {
    var histories: [(RunID, [HistoryEvent])] = []
    for row in try sample(limit, BenchmarkStatements.histories) {
      guard let event = row.event else { continue }
      if histories.last?.0 != row.runID { histories.append((row.runID, [])) }
      histories[histories.count - 1].1.append(event)
    }
    return histories
  }
}

extension BenchmarkDatabase {
  private static let patience = Duration.seconds(300)

  /// As `number`, for callers that must not block.
  func figure(_ statement: Statement) async throws -> Int {
    try await onOwnThread { try number(statement) }
  }

  /// Looks until the number is reached.
  /// - Returns: the seconds that took.
  func wait(for statement: Statement, toReach goal: Int) async throws -> Double {
    let begun = ContinuousClock.now
    while true {
      let reached = try await figure(statement)
      if reached >= goal { return (ContinuousClock.now - begun).seconds }
      guard ContinuousClock.now - begun < Self.patience else {
        throw BenchmarkError("after \(Self.patience) \(statement.name) was \(reached) of \(goal)")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }
}

/// Bytes of log and writing transactions since the server began, also of others who use it.
struct ServerPosition: Sendable {
  var wal: Int64 = 0
  var transactions: Int64 = 0

  static func - (left: ServerPosition, right: ServerPosition) -> ServerPosition {
    ServerPosition(wal: left.wal - right.wal, transactions: left.transactions - right.transactions)
  }

  static func + (left: ServerPosition, right: ServerPosition) -> ServerPosition {
    ServerPosition(wal: left.wal + right.wal, transactions: left.transactions + right.transactions)
  }
}

/// One row of a history as it stands in the table.
struct BenchmarkRow: Sendable {
  let runID: RunID
  let slot: Int16
  let type: Int16
  let eventID: Int32
  let at: Int64
  let causedBy: Int32
  let attributes: [UInt8]

  /// The rows of a statement with these columns.
  static func read(_ rows: Rows) throws -> [BenchmarkRow] {
    try (0..<rows.count).map { row in
      BenchmarkRow(
        runID: RunID(try rows.uuid(row, 0)), slot: try rows.int16(row, 2), type: try rows.int16(row, 3),
        eventID: try rows.int32(row, 1), at: try rows.timestamp(row, 4), causedBy: try rows.int32(row, 5),
        attributes: try rows.bytes(row, 6))
    }
  }

  var event: HistoryEvent? {
    EventType(rawValue: type).map { HistoryEvent(eventID: eventID, type: $0, at: at, causedBy: causedBy, attributes: attributes) }
  }
}

/// Runs what blocks on a thread of its own, away from the threads that run tasks.
func onOwnThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
  }
}

/// Why a measurement ended without a figure.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
