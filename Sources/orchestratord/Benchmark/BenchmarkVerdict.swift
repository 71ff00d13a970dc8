import Foundation

/// The targets beside what was measured, for people: pass or short.
enum BenchmarkVerdict {
  enum Word: String {
    case pass, short
    case reported = "-"
    case missing = "not measured"
  }

  /// One line of the table.
  struct Row {
    let target: BenchmarkTarget
    /// The median of the rounds; nil when it was not measured.
    let value: Double?
    let smallest: Double?
    let largest: Double?

    var word: Word {
      guard let value else { return .missing }
      return target.isMet(by: value).map { $0 ? .pass : .short } ?? .reported
    }
  }

  /// What was asked of these workloads, in the order of the targets.
  static func rows(_ measured: [BenchmarkRounds]) -> [Row] {
    BenchmarkTarget.all.compactMap { target in
      guard let rounds = measured.first(where: { $0.workload == target.workload }) else { return nil }
      let values = rounds.rounds.compactMap(target.value).sorted()
      return Row(target: target, value: values.isEmpty ? nil : values.median, smallest: values.first, largest: values.last)
    }
  }

  static func table(_ rows: [Row], hasColour: Bool) -> String {
    var table = TerminalTable("workload", "figure", "median", "from", "to", "asked", "")
    for row in rows {
      func number(_ value: Double?) -> String { value.map { String(format: "%.\(row.target.digits)f", $0) } ?? "" }
      table.add(
        .init(row.target.workload.rawValue), .init(row.target.figure), .init(number(row.value)), .init(number(row.smallest)),
        .init(number(row.largest)), .init(asked(row.target)), .init(row.word.rawValue, style(row.word)))
    }
    return table.lines(hasColour: hasColour).joined(separator: "\n")
  }

  private static func asked(_ target: BenchmarkTarget) -> String {
    func text(_ value: Double) -> String { value == value.rounded() ? String(format: "%.0f", value) : String(value) }
    return switch target.comparison {
    case .atLeast(let value): "at least \(text(value))"
    case .atMost(let value): "at most \(text(value))"
    case .reported: ""
    }
  }

  private static func style(_ word: Word) -> TerminalStyle {
    switch word {
    case .pass: .good
    case .short: .bad
    case .reported, .missing: .faint
    }
  }
}

/// The rounds of one workload.
struct BenchmarkRounds: Sendable {
  let workload: Workload
  let rounds: [BenchmarkReport]

  /// Each figure's median.
  var median: BenchmarkReport { BenchmarkReport.median(of: rounds) }
}
