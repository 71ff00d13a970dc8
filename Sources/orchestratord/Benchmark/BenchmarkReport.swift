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
  /// Which round of its workload this is, from 1; nil for the medians over all.
  var round: Int?
  /// What only this workload has, by name.
  var details: [String: Double] = [:]

  /// Bytes of log in units of what the bound wrote for as many rows; nil where there is no bound.
  var walRatio: Double? {
    let bound = historyRowsPerUnit * boundWalBytesPerRow
    return bound > 0 ? walBytesPerUnit / bound : nil
  }

  var p50Commits: Double? { commitMs > 0 ? p50Ms / commitMs : nil }
  var p99Commits: Double? { commitMs > 0 ? p99Ms / commitMs : nil }

  /// Every figure's median over the rounds; counts are added up.
  static func median(of rounds: [BenchmarkReport]) -> BenchmarkReport {
    guard var median = rounds.first else { preconditionFailure("a measurement has at least one round") }
    for figure in Self.figures { median[keyPath: figure.path] = rounds.map { $0[keyPath: figure.path] }.sorted().median }
    for name in median.details.keys { median.details[name] = rounds.compactMap { $0.details[name] }.sorted().median }
    median.count = rounds.reduce(0) { $0 + $1.count }
    median.peakRssBytes = rounds.map(\.peakRssBytes).max() ?? 0
    median.round = nil
    return median
  }

  private static let figures: [(name: String, path: WritableKeyPath<BenchmarkReport, Double> & Sendable)] = [
    ("seconds", \.seconds), ("per_second", \.perSecond), ("history_rows_per_unit", \.historyRowsPerUnit),
    ("step_rows_per_unit", \.stepRowsPerUnit), ("commits_per_unit", \.commitsPerUnit), ("wal_bytes_per_unit", \.walBytesPerUnit),
    ("history_rows_per_second", \.historyRowsPerSecond), ("bound_rows_per_second", \.boundRowsPerSecond),
    ("bound_wal_bytes_per_row", \.boundWalBytesPerRow), ("bound_ratio", \.boundRatio), ("commit_ms", \.commitMs), ("p50_ms", \.p50Ms),
    ("p99_ms", \.p99Ms), ("process_cpu_us_per_unit", \.processorMicroseconds),
  ]

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
    try container.encodeIfPresent(round, forKey: Key("round"))
    let numbers = Self.figures.map { ($0.name, self[keyPath: $0.path]) }
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

extension [Double] {
  /// Of ordered values: the middle one, or the mean of the two in the middle; 0 of nothing.
  var median: Double {
    guard !isEmpty else { return 0 }
    return (self[(count - 1) / 2] + self[count / 2]) / 2
  }
}
