/// Which part of a local time a list of ranges speaks about.
enum CalendarUnit: String, CaseIterable {
  case second, minute, hour, dayOfMonth, month, year, dayOfWeek

  /// What a range may name. Sunday is 0, and 7 as well.
  var values: ClosedRange<Int> {
    switch self {
    case .second, .minute: 0...59
    case .hour: 0...23
    case .dayOfMonth: 1...31
    case .month: 1...12
    case .year: 2000...2100
    case .dayOfWeek: 0...7
    }
  }

  /// What `*` means.
  var all: CalendarRange { CalendarRange(values.lowerBound, through: self == .dayOfWeek ? 6 : values.upperBound) }

  /// What it is when nothing is said: the start of the day, every day.
  var standard: [CalendarRange] {
    switch self {
    case .second, .minute, .hour: [0]
    case .dayOfMonth, .month, .year, .dayOfWeek: [all]
    }
  }

  private static let months = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
  ]
  private static let days = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]

  /// The number of a month or day of the week by its name in English or its first three letters and more.
  private func number(named name: String) -> Int? {
    guard name.utf8.count >= 3 else { return nil }
    switch self {
    case .month: return Self.months.firstIndex { $0.hasPrefix(name.lowercased()) }.map { $0 + 1 }
    case .dayOfWeek: return Self.days.firstIndex { $0.hasPrefix(name.lowercased()) }
    default: return nil
    }
  }
}

/// What is wrong with the text of a calendar, and where.
struct CalendarProblem: Error, Equatable {
  let message: String
  /// Characters before it in the text that was given.
  var offset: Int
}

// The text of a list of ranges: `*`, `9-17`, `*/15`, `mon-fri`, `1,15`.
extension CalendarUnit {
  func ranges(in text: some StringProtocol) throws(CalendarProblem) -> [CalendarRange] {
    var ranges: [CalendarRange] = []
    var offset = 0
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      do throws(CalendarProblem) {
        ranges.append(try range(in: String(part)))
      } catch {
        throw CalendarProblem(message: error.message, offset: offset + error.offset)
      }
      offset += part.count + 1
    }
    guard ranges.count <= Limits.scheduleRanges else {
      throw CalendarProblem(message: "\(rawValue) has \(ranges.count) ranges, at most \(Limits.scheduleRanges) are allowed", offset: 0)
    }
    return ranges
  }

  /// `*`, `5`, `5-10`, each with `/step`; `5/10` goes on to the largest value.
  private func range(in text: String) throws(CalendarProblem) -> CalendarRange {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let bounds = parts[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    var range = all
    if parts[0] != "*" {
      let start = try value(of: bounds[0], at: 0)
      let end = try bounds.count == 2 ? value(of: bounds[1], at: bounds[0].count + 1) : parts.count == 2 ? all.end : start
      guard start <= end else {
        throw CalendarProblem(message: "\(rawValue) '\(parts[0])' ends before it begins", offset: 0)
      }
      range = CalendarRange(start, through: end)
    }
    guard parts.count == 2 else { return range }
    guard let step = Int(parts[1]), step >= 1, step <= values.upperBound, parts[1].allSatisfy(\.isNumber) else {
      throw CalendarProblem(
        message: "the step '\(parts[1])' of \(rawValue) is not a number from 1 to \(values.upperBound)", offset: parts[0].count + 1)
    }
    range.step = step
    return range
  }

  private func value(of text: String, at offset: Int) throws(CalendarProblem) -> Int {
    if let number = number(named: text) { return number }
    guard !text.isEmpty, text.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(text), values.contains(number) else {
      let names = self == .month ? " or a name such as jan" : self == .dayOfWeek ? " or a name such as mon" : ""
      throw CalendarProblem(
        message: "'\(text)' is no \(rawValue): it takes a number from \(values.lowerBound) to \(values.upperBound)\(names)", offset: offset)
    }
    return number
  }

  /// The shortest text that `ranges(in:)` reads as these ranges.
  func text(of ranges: [CalendarRange]) -> String {
    ranges.map { range in
      let span =
        range.start == all.start && range.end == all.end ? "*" : range.start == range.end ? "\(range.start)" : "\(range.start)-\(range.end)"
      return range.step == 1 ? span : "\(span)/\(range.step)"
    }.joined(separator: ",")
  }

  /// - Throws: when a range leaves the unit's values.
  func numbers(in ranges: [CalendarRange]) throws(CalendarProblem) -> NumberSet {
    var numbers = NumberSet(lowest: values.lowerBound)
    for range in ranges.isEmpty ? standard : ranges {
      guard values.contains(range.start), values.contains(range.end), range.start <= range.end, range.step >= 1 else {
        let name = "\(range.start)-\(range.end)/\(range.step)"
        throw CalendarProblem(
          message: "\(rawValue) \(name) is not within \(values.lowerBound) to \(values.upperBound) in order with a step from 1", offset: 0)
      }
      for number in stride(from: range.start, through: range.end, by: range.step) {
        numbers.insert(self == .dayOfWeek ? number % 7 : number)
      }
    }
    return numbers
  }
}

/// A set of at most 128 neighbouring numbers.
struct NumberSet: Equatable, Sendable {
  private let lowest: Int
  private var bits: UInt128 = 0

  init(lowest: Int) {
    self.lowest = lowest
  }

  var count: Int { bits.nonzeroBitCount }

  mutating func insert(_ number: Int) { bits |= 1 << UInt128(number - lowest) }

  func contains(_ number: Int) -> Bool {
    (lowest..<lowest + UInt128.bitWidth).contains(number) && bits >> UInt128(number - lowest) & 1 == 1
  }

  /// The smallest member that is not below the number.
  func first(from number: Int) -> Int? {
    guard number < lowest + UInt128.bitWidth else { return nil }
    let from = max(number, lowest)
    let rest = bits >> UInt128(from - lowest)
    return rest == 0 ? nil : from + rest.trailingZeroBitCount
  }
}
