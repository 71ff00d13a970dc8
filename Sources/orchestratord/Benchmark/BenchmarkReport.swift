import Foundation

/// The figures of one workload.
struct BenchmarkReport: Sendable, Encodable {
  var workload: String
  var count: Int
  var inFlight: Int
  var seconds: Double
  var perSecond: Double
  var unit: String
  /// All rows of the history, with those of start and end.
  var historyRowsPerUnit: Double = 0
  /// Only the rows that stand for steps: scheduled, completed, inline.
  var stepRowsPerUnit: Double = 0
  /// Writing transactions of the whole server.
  var commitsPerUnit: Double = 0
  var walBytesPerUnit: Double = 0
  var historyRowsPerSecond: Double = 0
  var boundRowsPerSecond: Double = 0
  var boundWalBytesPerRow: Double = 0
  /// History rows per second in units of the bound.
  var boundRatio: Double = 0
  /// Median of one-row durable inserts.
  var commitMs: Double = 0
  var p50Ms: Double = 0
  var p99Ms: Double = 0
  /// User and system time of this process, driver and engine together, per unit; steadier than times on a busy machine.
  var processorMicroseconds: Double = 0
  /// Of this process, driver and engine together, since the workload began.
  var peakRssBytes: Int = 0
  /// What only this workload has, by name.
  var details: [String: Double] = [:]

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) {
      stringValue = name
    }

    init?(stringValue: String) {
      self.stringValue = stringValue
    }

    init?(intValue: Int) { nil }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(workload, forKey: Key("workload"))
    try container.encode(unit, forKey: Key("unit"))
    try container.encode(count, forKey: Key("count"))
    try container.encode(inFlight, forKey: Key("in_flight"))
    try container.encode(peakRssBytes, forKey: Key("peak_rss_bytes"))
    let numbers: [(String, Double)] = [
      ("seconds", seconds), ("per_second", perSecond), ("history_rows_per_unit", historyRowsPerUnit),
      ("step_rows_per_unit", stepRowsPerUnit), ("commits_per_unit", commitsPerUnit), ("wal_bytes_per_unit", walBytesPerUnit),
      ("history_rows_per_second", historyRowsPerSecond), ("bound_rows_per_second", boundRowsPerSecond),
      ("bound_wal_bytes_per_row", boundWalBytesPerRow), ("bound_ratio", boundRatio), ("commit_ms", commitMs), ("p50_ms", p50Ms),
      ("p99_ms", p99Ms), ("process_cpu_us_per_unit", processorMicroseconds),
    ]
    for (name, value) in numbers + details.sorted(by: { $0.key < $1.key }) { try container.encode(Self.rounded(value), forKey: Key(name)) }
  }

  /// Five digits: more would claim more than can be measured.
  private static func rounded(_ value: Double) -> Decimal {
    guard value.isFinite, value != 0 else { return 0 }
    let digits = max(0, min(8, 4 - Int(log10(abs(value)).rounded(.down))))
    return Decimal(string: String(format: "%.\(digits)f", value), locale: Locale(identifier: "en_US_POSIX")) ?? 0
  }

  /// One line of JSON.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}

/// The figures of several workloads for people.
enum BenchmarkTable {
  private static let columns = [
    "workload", "count", "at a time", "per second", "unit", "rows/unit", "commits/unit", "WAL B/unit", "of bound", "p50 ms", "p99 ms",
    "p50 commits", "RSS MB",
  ]

  static func text(_ reports: [BenchmarkReport]) -> String {
    let rows = [columns] + reports.map(cells)
    let widths = columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let lines = rows.map { row in
      zip(row, widths).enumerated().map { index, cell in
        let padding = String(repeating: " ", count: cell.1 - cell.0.count)
        return index == 0 || index == 4 ? cell.0 + padding : padding + cell.0
      }.joined(separator: "  ")
    }
    let commit = reports.map(\.commitMs).percentile(0.5)
    let bound = reports.map(\.boundRowsPerSecond).filter { $0 > 0 }.percentile(0.5)
    return lines.joined(separator: "\n")
      + String(
        format: "\nA bare insert of history rows makes %.0f rows/s, a bare commit of one row takes %.3f ms (medians).", bound, commit)
  }

  private static func cells(_ report: BenchmarkReport) -> [String] {
    let commits = report.commitMs > 0 ? report.p50Ms / report.commitMs : 0
    return [
      report.workload, String(report.count), String(report.inFlight), String(format: "%.0f", report.perSecond), report.unit,
      String(format: "%.2f", report.historyRowsPerUnit), String(format: "%.4f", report.commitsPerUnit),
      String(format: "%.0f", report.walBytesPerUnit), String(format: "%.2f", report.boundRatio), String(format: "%.2f", report.p50Ms),
      String(format: "%.2f", report.p99Ms), String(format: "%.1f", commits), String(report.peakRssBytes >> 20),
    ]
  }
}
