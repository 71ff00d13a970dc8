import Glibc
import Orchestrator
import PostgreSQL

/// The bound of the engine's throughput: the same history rows inserted by a loop that does nothing else, 500 rows a transaction and two
/// transactions in flight on one connection, into a table with the same indexes. And the unit of its latency: a commit of one row.
struct BoundMeasurement: Sendable {
  struct Figures: Sendable {
    var rowsPerSecond: Double
    /// Bytes of log per row.
    var walBytesPerRow: Double
    /// Times of single one-row commits.
    var commitMilliseconds: [Double]
  }

  private static let rowsPerBatch = 500
  private static let batchesInFlight = 2
  private static let singleCommits = 100

  let database: BenchmarkDatabase
  let rows: [BenchmarkRow]

  /// Measures for so long, after a few batches that are not counted. Blocks.
  func measure(for duration: Duration) throws -> Figures {
    let connection = try PipelineConnection(database.bound)
    var source = RowSource(rows)
    for _ in 0..<4 { _ = try connection.run((BenchmarkStatements.insertHistory, source.batch(Self.rowsPerBatch))) }
    let before = try database.position()
    let clock = ContinuousClock()
    let begun = clock.now
    var committed = 0
    while true {
      let isOver = clock.now - begun >= duration
      if isOver && connection.inFlight == 0 { break }
      while !isOver && connection.inFlight < Self.batchesInFlight {
        try connection.submit([(BenchmarkStatements.insertHistory, source.batch(Self.rowsPerBatch))])
      }
      try connection.flush()
      for outcome in try connection.receive() {
        if case .failure(let error, _) = outcome { throw error }
        committed += Self.rowsPerBatch
      }
      wait(for: connection)
    }
    let seconds = (clock.now - begun).seconds
    let written = try database.position() - before
    return Figures(
      rowsPerSecond: Double(committed) / seconds, walBytesPerRow: Double(written.wal) / Double(max(1, committed)),
      commitMilliseconds: try singleCommits(connection, &source))
  }

  private func singleCommits(_ connection: PipelineConnection, _ source: inout RowSource) throws -> [Double] {
    let clock = ContinuousClock()
    return try (0..<Self.singleCommits).map { _ in
      let parameters = source.batch(1)
      let begun = clock.now
      _ = try connection.run((BenchmarkStatements.insertHistory, parameters))
      return (clock.now - begun).seconds * 1000
    }
  }

  private func wait(for connection: PipelineConnection) {
    guard connection.inFlight > 0 else { return }
    let events = Int16(POLLIN) | (connection.wantsWrite ? Int16(POLLOUT) : 0)
    var descriptor = pollfd(fd: connection.socket, events: events, revents: 0)
    _ = poll(&descriptor, 1, 1_000)
  }
}

/// The sample again and again, in its order, each time as new runs.
private struct RowSource {
  private let rows: [BenchmarkRow]
  private var next = 0
  private var renamed: [RunID: RunID] = [:]
  private let columns = [.uuid, .int4, .int2, .int2, .timestamptz, .int4, .bytea].map { ArrayColumn($0) }

  init(_ rows: [BenchmarkRow]) {
    self.rows = rows
  }

  mutating func batch(_ count: Int) -> Parameters {
    for column in columns { column.removeAll() }
    for _ in 0..<count { append() }
    var parameters = Parameters()
    for column in columns { parameters.append(column) }
    return parameters
  }

  private mutating func append() {
    let row = rows[next]
    columns[0].append(name(of: row.runID).uuid)
    columns[1].append(row.eventID)
    columns[2].append(row.slot)
    columns[3].append(row.type)
    columns[4].appendTimestamp(microseconds: row.at)
    columns[5].append(row.causedBy)
    columns[6].append(row.attributes)
    next += 1
    if next == rows.count {
      next = 0
      renamed.removeAll(keepingCapacity: true)
    }
  }

  private mutating func name(of runID: RunID) -> RunID {
    if let known = renamed[runID] { return known }
    let fresh = RunID.generate()
    renamed[runID] = fresh
    return fresh
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
