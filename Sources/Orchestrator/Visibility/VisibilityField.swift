/// What a query can ask about: fields that every run has, and search attributes by name.
enum VisibilityField: Hashable, Sendable {
  case workflowID
  case runID
  case workflowType
  case executionStatus
  case startTime
  case closeTime
  case executionDuration
  case historyLength
  case waitsFor
  case blockedCode
  case workflowVersion
  case attribute(name: String, SearchAttributeType)

  /// The fields of every run by the names that queries use: Temporal's, and three that only this engine has.
  static let builtIn: [(name: String, field: VisibilityField)] = [
    ("WorkflowId", .workflowID), ("RunId", .runID), ("WorkflowType", .workflowType), ("ExecutionStatus", .executionStatus),
    ("StartTime", .startTime), ("CloseTime", .closeTime), ("ExecutionDuration", .executionDuration), ("HistoryLength", .historyLength),
    ("WaitsFor", .waitsFor), ("BlockedCode", .blockedCode), ("WorkflowVersion", .workflowVersion),
  ]

  static func builtIn(named name: String) -> VisibilityField? { builtIn.first { $0.name == name }?.field }

  var kind: VisibilityKind {
    switch self {
    case .workflowID, .workflowType, .waitsFor, .blockedCode, .workflowVersion, .attribute(_, .keyword): .keyword
    case .runID: .run
    case .executionStatus: .status
    case .startTime, .closeTime, .attribute(_, .datetime): .time
    case .executionDuration: .duration
    case .historyLength, .attribute(_, .int): .integer
    case .attribute(_, .double): .double
    case .attribute(_, .bool): .bool
    case .attribute(_, .keywordList): .keywordList
    case .attribute(_, .text): .words
    }
  }
}

/// The type of a search attribute, with Temporal's names.
public enum SearchAttributeType: String, Codable, Sendable, CaseIterable {
  /// A text that is compared as a whole.
  case keyword = "Keyword"
  /// A text in which words are found.
  case text = "Text"
  case int = "Int"
  case double = "Double"
  case bool = "Bool"
  case datetime = "Datetime"
  /// Texts, each of which is compared as a whole.
  case keywordList = "KeywordList"
}

/// What a field's values are and which tests they stand.
enum VisibilityKind: Sendable {
  case keyword, run, status, time, duration, integer, double, bool, keywordList, words

  /// The tests beside `IS NULL`, as a person would write them.
  var tests: String {
    switch self {
    case .keyword: "=, !=, <, <=, >, >=, BETWEEN, IN and STARTS_WITH"
    case .time, .duration, .integer, .double: "=, !=, <, <=, >, >=, BETWEEN and IN"
    case .run, .status, .keywordList: "=, != and IN"
    case .bool, .words: "= and !="
    }
  }

  func allows(_ test: VisibilityTest<VisibilityLiteral>) -> Bool {
    switch test {
    case .isNull, .compare(.equal, _): return true
    case .isOneOf: return self != .bool && self != .words
    case .startsWith: return self == .keyword
    case .compare:
      switch self {
      case .keyword, .time, .duration, .integer, .double: return true
      case .run, .status, .bool, .keywordList, .words: return false
      }
    }
  }

  /// A value for such a field, as a person would write it.
  var example: String {
    switch self {
    case .keyword, .keywordList: "a text in quotes"
    case .words: "words in quotes"
    case .run: "a run id in quotes, which is a UUID"
    case .status: "one of " + WorkflowStatus.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
    case .time: "a time such as '2026-01-31T12:00:00Z', with at most six digits of fraction"
    case .duration: "a length of time such as '90s', '1h30m' or '250ms', or whole nanoseconds"
    case .integer: "a whole number of at most 64 bits"
    case .double: "a number"
    case .bool: "true or false"
    }
  }
}

/// A value of the type that its field has.
enum VisibilityValue: Hashable, Sendable {
  case text(String)
  case run(RunID)
  case status(WorkflowStatus)
  case time(RecordedTime)
  /// Also a length of time, in nanoseconds.
  case integer(Int64)
  case double(Double)
  case bool(Bool)

  /// Nil when the literal does not fit.
  init?(_ literal: VisibilityLiteral.Value, for kind: VisibilityKind) {
    switch (kind, literal) {
    case (.keyword, .string(let text)), (.keywordList, .string(let text)), (.words, .string(let text)): self = .text(text)
    case (.run, .string(let text)):
      guard let run = RunID(text) else { return nil }
      self = .run(run)
    case (.status, .string(let text)):
      guard let status = WorkflowStatus(named: text) else { return nil }
      self = .status(status)
    case (.time, .string(let text)):
      guard let time = RecordedTime(text) else { return nil }
      self = .time(time)
    case (.duration, .string(let text)):
      guard let nanoseconds = Self.nanoseconds(text) else { return nil }
      self = .integer(nanoseconds)
    case (.integer, .number(let text)), (.duration, .number(let text)):
      guard let number = Int64(text) else { return nil }
      self = .integer(number)
    case (.double, .number(let text)):
      guard let number = Double(text), number.isFinite else { return nil }
      self = .double(number)
    case (.bool, .bool(let flag)): self = .bool(flag)
    default: return nil
    }
  }

  /// Parts of a number and a unit each, such as `1h30m`; nil for anything else and beyond 64 bits.
  private static func nanoseconds(_ text: String) -> Int64? {
    let units: [Substring: Int64] = [
      "h": 3_600_000_000_000, "m": 60_000_000_000, "s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1,
    ]
    guard text.wholeMatch(of: /(?:[0-9]{1,19}(?:h|ms|m|s|us|ns)){1,6}/) != nil else { return nil }
    var total: Int64 = 0
    for part in text.matches(of: /([0-9]+)([a-z]+)/) {
      guard let count = Int64(part.1), let unit = units[part.2] else { return nil }
      let (length, overflowed) = count.multipliedReportingOverflow(by: unit)
      let (sum, carried) = total.addingReportingOverflow(length)
      guard !overflowed, !carried else { return nil }
      total = sum
    }
    return total
  }
}

extension VisibilityValue {
  /// A search attribute with this value, as it is stored.
  func document(named name: String, isListed: Bool) -> Payload {
    var bytes: [UInt8] = [UInt8(ascii: "{")]
    AttributesWriter.append(name, to: &bytes)
    bytes.append(contentsOf: (isListed ? ":[" : ":").utf8)
    switch self {
    case .text(let text): AttributesWriter.append(text, to: &bytes)
    case .run(let run): AttributesWriter.append(run.description, to: &bytes)
    case .status(let status): AttributesWriter.append(status.rawValue, to: &bytes)
    case .time(let time): AttributesWriter.append(time.description, to: &bytes)
    case .integer(let number): bytes.append(contentsOf: String(number).utf8)
    case .double(let number): bytes.append(contentsOf: String(number).utf8)
    case .bool(let flag): bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }
    bytes.append(contentsOf: (isListed ? "]}" : "}").utf8)
    return Payload(json: bytes)
  }
}

extension WorkflowStatus {
  /// In whatever case it is written.
  public init?(named text: String) {
    guard let status = Self.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else { return nil }
    self = status
  }
}
