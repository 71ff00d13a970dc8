import Foundation

@testable import Orchestrator

/// Runs and queries drawn from a seed; the values of the queries are mostly those of the runs.
struct VisibilityWorld {
  private var random: SeededRandom
  private(set) var runs: [VisibleRun] = []

  static let names = [
    "order/1", "order/2", "order/10", "Order/1", "it's", "say \"so\"", "50 % off", "a_b", "back\\slash", "\u{E4}\u{F6}\u{1F3B5}", "",
  ]
  static let types = ["PublishTrack", "Greeting", "greeting"]
  static let attributes: [String: SearchAttributeType] = [
    "Tier": .keyword, "Notes": .text, "Amount": .int, "Score": .double, "Urgent": .bool, "Due": .datetime, "Tags": .keywordList,
  ]
  private static let fields =
    VisibilityField.builtIn + attributes.sorted { $0.key < $1.key }.map { ($0.key, VisibilityField.attribute(name: $0.key, $0.value)) }
  private static let tiers = ["gold", "silver", "it's \"gold\"", "\u{E4}", "", "$1", "{\"a\":1}"]
  private static let words = ["urgent", "late", "customer", "Refund"]
  private static let integers: [Int64] = [0, 1, -1, 12, .max, .min, 9_007_199_254_740_993]
  private static let doubles = [0.1, -0.5, 1e300, .leastNonzeroMagnitude, 12, 1.5, 0.30000000000000004]
  private static let moments = [0, 1, 1_700_000_000_000_000, 1_700_000_000_000_001].map { RecordedTime(microseconds: $0) }

  init(seed: UInt64, runs count: Int) {
    random = SeededRandom(state: seed)
    // Years apart and microseconds apart; identifiers grow with the time in milliseconds only.
    var milliseconds: Int64 = 1_700_000_000_000
    for number in 0..<count {
      milliseconds += Int64(draw(5)) * (draw(20) == 0 ? 1_000_000_000 : 1)
      runs.append(makeRun(number, milliseconds))
    }
  }

  private mutating func draw(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
  private mutating func pick<Element>(_ elements: [Element]) -> Element { elements[draw(elements.count)] }

  private mutating func makeRun(_ number: Int, _ milliseconds: Int64) -> VisibleRun {
    let bits = (random.next(), random.next())
    let runID = RunID(UUIDVersion7.make(unixMilliseconds: milliseconds, counter: UInt16(number & 0xFFF), random: bits))
    let startedAt = RecordedTime(microseconds: milliseconds * 1000 + Int64(draw(2000)))
    let ends = draw(3) > 0
    let endedAt = RecordedTime(microseconds: startedAt.microseconds + Int64(draw(3)) * 90_000_000)
    let close = VisibleRun.Close(status: pick(CloseStatus.allCases), at: endedAt, events: Int32(2 + draw(4)))
    return VisibleRun(
      runID: runID, workflowID: pick(Self.names.filter { !$0.isEmpty }) + (draw(2) == 0 ? "" : "/\(number)"),
      workflowType: pick(Self.types), startedAt: startedAt, close: ends ? close : nil,
      waitsFor: !ends && draw(2) == 0 ? pick(["signals", "timer (1)"]) : nil,
      blockedCode: !ends && draw(4) == 0 ? pick(["non-determinism", "blocked-code"]) : nil,
      version: draw(3) == 0 ? pick(["1", "2"]) : nil, attributes: makeAttributes())
  }

  private mutating func makeAttributes() -> SearchAttributes {
    guard draw(4) > 0 else { return [:] }
    var attributes = SearchAttributes()
    for (name, type) in Self.attributes.sorted(by: { $0.key < $1.key }) where draw(3) > 0 {
      attributes.values[name] =
        switch type {
        case .keyword: .keyword(pick(Self.tiers))
        case .text: .text((0...draw(3)).map { _ in pick(Self.words) }.joined(separator: " "))
        case .int: .int(pick(Self.integers))
        case .double: .double(pick(Self.doubles))
        case .bool: .bool(draw(2) == 0)
        case .datetime: .datetime(pick(Self.moments))
        case .keywordList: .keywordList((0..<draw(3)).map { _ in pick(Self.tiers) })
        }
    }
    return attributes
  }

  /// The text of a query.
  mutating func query() -> String {
    var text = draw(20) == 0 ? "" : expression(depth: 3)
    switch draw(5) {
    case 0: text += " ORDER BY StartTime"
    case 1: text += " ORDER BY StartTime ASC"
    case 2: text += " order by CloseTime desc"
    case 3: text += " ORDER BY CloseTime ASC"
    default: break
    }
    return text
  }

  private mutating func expression(depth: Int) -> String {
    guard depth > 0, draw(4) > 0 else { return condition() }
    switch draw(6) {
    case 0: return "NOT \(parenthesised(depth - 1))"
    case 1, 2: return "\(parenthesised(depth - 1)) OR \(parenthesised(depth - 1))"
    case 3: return "\(parenthesised(depth - 1)) AND \(parenthesised(depth - 1)) AND \(condition())"
    default: return "\(parenthesised(depth - 1)) AND \(parenthesised(depth - 1))"
    }
  }

  private mutating func parenthesised(_ depth: Int) -> String { "(\(expression(depth: depth)))" }

  private mutating func condition() -> String {
    let (plain, field) = pick(Self.fields)
    let name = draw(5) == 0 ? "`\(plain)`" : plain
    let kind = field.kind
    if draw(8) == 0 { return "\(name) IS \(draw(2) == 0 ? "NOT " : "")NULL" }
    let equality = ["=", "!=", "<>"]
    switch kind {
    case .bool, .words: return "\(name) \(pick(equality)) \(value(of: field))"
    case .run, .status, .keywordList: return draw(2) == 0 ? "\(name) \(pick(equality)) \(value(of: field))" : isOneOf(name, field)
    case .keyword, .time, .duration, .integer, .double:
      switch draw(kind == .keyword ? 5 : 4) {
      case 0: return isOneOf(name, field)
      case 1: return "\(name) \(draw(3) == 0 ? "NOT " : "")BETWEEN \(value(of: field)) AND \(value(of: field))"
      case 4: return "\(name) \(draw(3) == 0 ? "NOT " : "")STARTS_WITH \(quoted(pick(Self.names + ["order", "o", "Publish", "time"])))"
      default: return "\(name) \(pick(equality + ["<", "<=", ">", ">="])) \(value(of: field))"
      }
    }
  }

  private mutating func isOneOf(_ name: String, _ field: VisibilityField) -> String {
    let values = (0...draw(3)).map { _ in value(of: field) }
    return "\(name) \(draw(3) == 0 ? "NOT " : "")IN (\(values.joined(separator: ", ")))"
  }

  private mutating func value(of field: VisibilityField) -> String {
    let run = pick(runs)
    switch field {
    case .workflowID: return quoted(draw(2) == 0 ? run.workflowID : pick(Self.names))
    case .runID: return quoted(draw(4) == 0 ? UUID().uuidString : run.runID.description)
    case .workflowType: return quoted(pick(Self.types + ["Nobody"]))
    case .executionStatus: return quoted(pick(WorkflowStatus.allCases).rawValue)
    case .startTime, .closeTime: return quoted((draw(2) == 0 ? run.startedAt : run.close?.at ?? run.startedAt).description)
    case .executionDuration: return pick(["0", "'90s'", "'1m30s'", "90000000000", "'3m'", "-1", "'1ns'"])
    case .historyLength: return "\(draw(8))"
    case .waitsFor: return quoted(pick(["signals", "timer (1)", "nothing"]))
    case .blockedCode: return quoted(pick(["non-determinism", "blocked-code", "other"]))
    case .workflowVersion: return quoted(pick(["1", "2", "3"]))
    case .attribute(_, let type): return attribute(type)
    }
  }

  private mutating func attribute(_ type: SearchAttributeType) -> String {
    switch type {
    case .keyword, .keywordList: quoted(pick(Self.tiers))
    case .text: quoted((0...draw(2)).map { _ in pick(Self.words + ["nothing"]) }.joined(separator: " "))
    case .int: "\(pick(Self.integers))"
    case .double: pick(Self.doubles.map { "\($0)" } + ["12", "1e-1"])
    case .bool: pick(["true", "FALSE"])
    case .datetime: quoted(pick(Self.moments).description)
    }
  }

  private mutating func quoted(_ text: String) -> String {
    let quote = pick(["'", "\""])
    let escaped = text.replacing("\\", with: "\\\\").replacing(quote, with: draw(2) == 0 ? quote + quote : "\\" + quote)
    return quote + escaped + quote
  }
}

/// A generator that gives the same numbers for the same seed on every machine (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
