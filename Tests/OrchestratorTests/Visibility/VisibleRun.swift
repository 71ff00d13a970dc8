import Foundation

@testable import Orchestrator

/// A run as a plain value, and what a query says of it by plain Swift: what PostgreSQL's answers are compared with.
struct VisibleRun {
  let runID: RunID
  let workflowID: String
  let workflowType: String
  let startedAt: RecordedTime
  let close: Close?
  let waitsFor: String?
  let blockedCode: String?
  let version: String?
  let attributes: SearchAttributes

  struct Close {
    let status: CloseStatus
    let at: RecordedTime
    let events: Int32
  }

  var status: WorkflowStatus {
    guard let close else { return blockedCode == nil ? .running : .blocked }
    return WorkflowStatus(named: close.status.name) ?? .completed
  }

  /// Whether it passes; nil for unknown, by the three-valued logic of SQL.
  func passes(_ expression: VisibilityFilter.Expression) -> Bool? {
    switch expression {
    case .not(let inner): return passes(inner).map { !$0 }
    case .all(let parts):
      let answers = parts.map(passes)
      return answers.contains(false) ? false : answers.contains(nil) ? nil : true
    case .any(let parts):
      let answers = parts.map(passes)
      return answers.contains(true) ? true : answers.contains(nil) ? nil : false
    case .leaf(let condition):
      let values = values(of: condition.field)
      if case .isNull = condition.test { return values == nil }
      if condition.field.kind == .words { return values.map { Self.haveWord($0, condition.test) } }
      return values.map { passes($0, condition.test) }
    }
  }

  private func passes(_ values: [VisibilityValue], _ test: VisibilityTest<VisibilityValue>) -> Bool {
    switch test {
    case .isNull: false
    case .compare(.equal, let wanted): values.contains(wanted)
    case .compare(let comparison, let wanted): values.contains { Self.holds($0, comparison, wanted) }
    case .isOneOf(let wanted): values.contains(where: wanted.contains)
    case .startsWith(let prefix): values.contains { Self.starts($0, with: prefix) }
    }
  }

  private static func starts(_ value: VisibilityValue, with prefix: VisibilityValue) -> Bool {
    guard case .text(let text) = value, case .text(let start) = prefix else { return false }
    return text.utf8.starts(with: start.utf8)
  }

  /// Whether one of the words that are looked for is among them.
  private static func haveWord(_ values: [VisibilityValue], _ test: VisibilityTest<VisibilityValue>) -> Bool {
    guard case .compare(.equal, .text(let wanted)) = test else { return false }
    let words = wanted.split(separator: " ").map { VisibilityValue.text($0.lowercased()) }
    return words.contains(where: values.contains)
  }

  private static func holds(_ value: VisibilityValue, _ comparison: VisibilityComparison, _ wanted: VisibilityValue) -> Bool {
    let isLess: Bool
    switch (value, wanted) {
    case (.text(let left), .text(let right)): isLess = Array(left.utf8).lexicographicallyPrecedes(Array(right.utf8))
    case (.time(let left), .time(let right)): isLess = left < right
    case (.integer(let left), .integer(let right)): isLess = left < right
    case (.double(let left), .double(let right)): isLess = left < right
    default: return false
    }
    switch comparison {
    case .equal: return value == wanted
    case .less: return isLess
    case .lessOrEqual: return isLess || value == wanted
    case .greater: return !isLess && value != wanted
    case .greaterOrEqual: return !isLess
    }
  }

  /// Nil when the run has no such value.
  private func values(of field: VisibilityField) -> [VisibilityValue]? {
    switch field {
    case .workflowID: [.text(workflowID)]
    case .runID: [.run(runID)]
    case .workflowType: [.text(workflowType)]
    case .executionStatus: [.status(status)]
    case .startTime: [.time(startedAt)]
    case .closeTime: close.map { [.time($0.at)] }
    case .executionDuration: close.map { [.integer(($0.at.microseconds - startedAt.microseconds) * 1000)] }
    case .historyLength: close.map { [.integer(Int64($0.events))] }
    case .waitsFor: waitsFor.map { [.text($0)] }
    case .blockedCode: blockedCode.map { [.text($0)] }
    case .workflowVersion: version.map { [.text($0)] }
    case .attribute(let name, _): attributes.values[name].map(Self.values)
    }
  }

  private static func values(of attribute: SearchAttributes.Value) -> [VisibilityValue] {
    switch attribute {
    case .keyword(let text): [.text(text)]
    case .text(let text): text.split(separator: " ").map { .text($0.lowercased()) }
    case .int(let number): [.integer(number)]
    case .double(let number): [.double(number)]
    case .bool(let flag): [.bool(flag)]
    case .datetime(let time): [.time(time)]
    case .keywordList(let texts): texts.map { .text($0) }
    }
  }
}
