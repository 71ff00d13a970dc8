import Testing

@testable import Orchestrator

@Suite struct VisibilityQueryTests {
  private typealias Expression = BooleanExpression<VisibilityCondition>

  /// The tree in the notation of Lisp, without positions.
  private static func notation(_ text: String) throws -> String {
    let query = try VisibilityQuery(text)
    var parts = [query.filter.map(Self.notation) ?? "everything"]
    if let group = query.groupBy { parts.append("by \(group.text)") }
    if let order = query.order { parts.append("order \(order.field.text) \(order.isAscending ? "up" : "down")") }
    return parts.joined(separator: " ")
  }

  private static func notation(_ expression: Expression) -> String {
    switch expression {
    case .not(let inner): "(not \(notation(inner)))"
    case .all(let parts): "(and \(parts.map(notation).joined(separator: " ")))"
    case .any(let parts): "(or \(parts.map(notation).joined(separator: " ")))"
    case .leaf(let condition):
      switch condition.test {
      case .compare(let comparison, let value): "(\(comparison.rawValue) \(condition.field.text) \(notation(value)))"
      case .isOneOf(let values): "(in \(condition.field.text) \(values.map(notation).joined(separator: " ")))"
      case .startsWith(let value): "(starts \(condition.field.text) \(notation(value)))"
      case .isNull: "(null \(condition.field.text))"
      }
    }
  }

  private static func notation(_ literal: VisibilityLiteral) -> String {
    switch literal.value {
    case .string(let text): "'\(text)'"
    case .number(let text): text
    case .bool(let flag): "\(flag)"
    }
  }

  static let readings: [(String, String)] = [
    ("", "everything"),
    ("  \n\t", "everything"),
    ("a = 'x'", "(= a 'x')"),
    ("a != \"x\"", "(not (= a 'x'))"),
    ("a <> 'x'", "(not (= a 'x'))"),
    ("a<5 and a<=5 AND a>5 aNd a>=-5.25e3", "(and (< a 5) (<= a 5) (> a 5) (>= a -5.25e3))"),
    ("a = 1 or b = 2 and c = true", "(or (= a 1) (and (= b 2) (= c true)))"),
    ("(a = 1 or b = 2) and not c = FALSE", "(and (or (= a 1) (= b 2)) (not (= c false)))"),
    ("not not (a is null)", "(not (not (null a)))"),
    ("a IS NOT NULL", "(not (null a))"),
    ("a in ('x', 'y')", "(in a 'x' 'y')"),
    ("a not in (1)", "(not (in a 1))"),
    ("a between 1 and 2 and b = 3", "(and (and (>= a 1) (<= a 2)) (= b 3))"),
    ("a not between 1 and 2", "(not (and (>= a 1) (<= a 2)))"),
    ("a starts_with 'x' or a NOT STARTS_WITH 'y'", "(or (starts a 'x') (not (starts a 'y')))"),
    ("a = 'it''s' or a = \"say \"\"so\"\"\"", "(or (= a 'it's') (= a 'say \"so\"'))"),
    (#"a = 'it\'s \\ \"'"#, #"(= a 'it's \ "')"#),
    ("a = '$1 ? % _ ; -- /* */ \u{1F3B5}'", "(= a '$1 ? % _ ; -- /* */ \u{1F3B5}')"),
    ("`order` = 'x'", "(= order 'x')"),
    ("ORDER BY StartTime", "everything order StartTime down"),
    ("a = 1 order by CloseTime asc", "(= a 1) order CloseTime up"),
    ("a = 1 ORDER BY StartTime DESC", "(= a 1) order StartTime down"),
    ("GROUP BY ExecutionStatus", "everything by ExecutionStatus"),
  ]

  @Test(arguments: readings) func `a query is read as a tree of conditions`(text: String, tree: String) throws {
    #expect(try Self.notation(text) == tree)
  }

  static let mistakes: [(String, Int, String)] = [
    ("a", 2, "expected a comparison, IN, NOT IN, BETWEEN, STARTS_WITH or IS, found the end"),
    ("a = ", 5, "expected a text in quotes, a number, true or false, found the end"),
    ("a = b", 5, "found 'b'"),
    ("a == 1", 3, "'==' is no comparison"),
    ("a ! 1", 3, "'!' is no comparison"),
    ("= 1", 1, "expected the name of a field, found '='"),
    ("a = 1 b = 2", 7, "expected AND, OR, GROUP BY, ORDER BY or the end, found 'b'"),
    ("a = 1 and", 10, "expected the name of a field, found the end"),
    ("and = 1", 1, "found 'and'"),
    ("(a = 1", 7, "expected AND, OR or ')', found the end"),
    ("a = 1)", 6, "found ')'"),
    ("()", 2, "found ')'"),
    ("a in ()", 7, "found ')'"),
    ("a in 1", 6, "expected '(' with values"),
    ("a in (1 2)", 9, "expected ',' or ')'"),
    ("a not 1", 7, "expected IN, BETWEEN or STARTS_WITH"),
    ("a is 1", 6, "expected NULL"),
    ("a between 1 or 2", 13, "expected AND"),
    ("a = 'x", 5, "has no closing '"),
    ("a = \"x'", 5, "has no closing \""),
    (#"a = 'x\n'"#, 7, "a backslash stands before a quote"),
    ("a = 'x\u{0}'", 7, "U+0000"),
    ("`` = 1", 1, "a name consists of"),
    ("`a b` = 1", 1, "a name consists of"),
    ("a = 5x", 5, "'5x' is no number"),
    ("a = 1.", 5, "'1.' is no number"),
    ("a = -", 5, "'-' is no number"),
    ("a = 2026-01-31", 5, "times and ids stand in quotes"),
    ("a = 1;", 6, "no meaning outside of quotes"),
    ("a = 1 -- rest", 7, "'--' is no number"),
    ("\u{E4} = 1", 1, "no meaning outside of quotes"),
    ("a = 1 order StartTime", 13, "expected BY"),
    ("a = 1 order by StartTime, CloseTime", 25, "expected the end, found ','"),
    ("a = 1 group by x limit 5", 18, "found 'limit'"),
  ]

  @Test(arguments: mistakes) func `a mistake is told with its place and what was expected`(text: String, position: Int, reason: String) {
    let error = #expect(throws: VisibilityQueryError.self) { try VisibilityQuery(text) }
    #expect(error?.position == position && error?.reason.contains(reason) == true, "\(error.map(\.description) ?? "no error")")
  }

  @Test func `length, depth and terms are bounded, and what is within the bounds is read`() throws {
    func nested(_ depth: Int) -> String { String(repeating: "(", count: depth) + "a = 1" + String(repeating: ")", count: depth) }
    #expect(try Self.notation(nested(Limits.queryDepth - 1)) == "(= a 1)")
    #expect(throws: VisibilityQueryError.self) { try VisibilityQuery(nested(Limits.queryDepth)) }
    #expect(throws: VisibilityQueryError.self) { try VisibilityQuery(nested(4000)) }
    #expect(throws: VisibilityQueryError.self) { try VisibilityQuery(String(repeating: "not ", count: 1000) + "a = 1") }
    let terms = Array(repeating: "a = 1", count: Limits.queryTerms / 2)
    #expect(try VisibilityQuery(terms.joined(separator: " or ")).filter != nil)
    #expect(throws: VisibilityQueryError.self) { try VisibilityQuery((terms + ["b = 1"]).joined(separator: " or ")) }
    #expect(throws: VisibilityQueryError.self) {
      try VisibilityQuery("a in (\(Array(repeating: "1", count: Limits.queryTerms).joined(separator: ",")))")
    }
    let longest = "a = '" + String(repeating: "x", count: Limits.queryBytes - 6) + "'"
    #expect(try VisibilityQuery(longest).filter != nil)
    #expect(throws: VisibilityQueryError.self) { try VisibilityQuery(longest + " ") }
  }

  static let attributes: [String: SearchAttributeType] = [
    "Tier": .keyword, "Notes": .text, "Amount": .int, "Score": .double, "Urgent": .bool, "Due": .datetime, "Tags": .keywordList,
  ]

  static let misfits: [(String, Int, String)] = [
    ("Nothing = 'x'", 1, "there is no field 'Nothing'"),
    ("workflowid = 'x'", 1, "there is no field 'workflowid': a query knows WorkflowId"),
    ("WorkflowId = 5", 14, "a text in quotes"),
    ("StartTime = 5", 13, "a time such as"),
    ("StartTime > 'yesterday'", 13, "a time such as"),
    ("StartTime STARTS_WITH '2026'", 1, "StartTime takes =, !=, <"),
    ("ExecutionStatus = 'Sleeping'", 19, "one of 'Running', 'Blocked'"),
    ("ExecutionStatus < 'Running'", 1, "ExecutionStatus takes =, != and IN"),
    ("RunId = 'abc'", 9, "a run id in quotes"),
    ("RunId > '00000000-0000-7000-8000-000000000000'", 1, "RunId takes"),
    ("HistoryLength > 1.5", 17, "a whole number"),
    ("HistoryLength > 9223372036854775808", 17, "a whole number"),
    ("ExecutionDuration > '5 minutes'", 21, "a length of time"),
    ("ExecutionDuration > '9999999999999999999h'", 21, "a length of time"),
    ("Urgent = 'true'", 10, "true or false"),
    ("Urgent IN (true)", 1, "Urgent takes = and !="),
    ("Score = 1e999", 9, "a number"),
    ("Amount = 'x'", 10, "a whole number"),
    ("Notes STARTS_WITH 'x'", 1, "Notes takes = and !="),
    ("Tags > 'x'", 1, "Tags takes =, != and IN"),
    ("Due = '2026-02-30T00:00:00Z'", 7, "a time such as"),
    ("ORDER BY WorkflowId", 10, "in the order of StartTime or CloseTime only"),
    ("GROUP BY WorkflowType", 10, "counted by ExecutionStatus"),
  ]

  @Test(arguments: misfits)
  func `names and types are checked before the database is asked`(text: String, position: Int, reason: String) throws {
    let query = try VisibilityQuery(text)
    let error = #expect(throws: VisibilityQueryError.self) { try VisibilityFilter(query, attributes: Self.attributes) }
    #expect(error?.position == position && error?.reason.contains(reason) == true, "\(error.map(\.description) ?? "no error")")
  }

  static let lengths: [(String, Int64)] = [
    ("'1h30m'", 5_400_000_000_000), ("'90s'", 90_000_000_000), ("'250ms'", 250_000_000), ("'5us1ns'", 5001), ("12", 12), ("-12", -12),
  ]

  @Test(arguments: lengths) func `a length of time is a number with units, or nanoseconds`(text: String, nanoseconds: Int64) throws {
    let filter = try VisibilityFilter(try VisibilityQuery("ExecutionDuration > \(text)"), attributes: [:])
    #expect(filter.expression == .leaf(.init(field: .executionDuration, test: .compare(.greater, .integer(nanoseconds)))))
  }

  static let scopes: [(String, VisibilityScope)] = [
    ("", .all),
    ("ExecutionStatus = 'running'", .open),
    ("ExecutionStatus = 'Running' AND WorkflowType = 'x'", .open),
    ("ExecutionStatus = 'Running' OR WorkflowType = 'x'", .all),
    ("ExecutionStatus IN ('Running', 'Blocked')", .open),
    ("ExecutionStatus IN ('Running', 'Failed')", .all),
    ("ExecutionStatus = 'Blocked'", .blocked),
    ("ExecutionStatus = 'Running' AND ExecutionStatus = 'Blocked'", .blocked),
    ("NOT (ExecutionStatus != 'Blocked' OR WorkflowType = 'x')", .blocked),
    ("CloseTime IS NULL", .open),
    ("CloseTime IS NULL AND NOT ExecutionStatus IN ('Running', 'Paused')", .blocked),
    ("CloseTime IS NOT NULL", .all),
    ("ExecutionStatus = 'Failed'", .all),
  ]

  @Test(arguments: scopes) func `open and blocked runs are looked for where they are few`(text: String, scope: VisibilityScope) throws {
    #expect(try VisibilityFilter(try VisibilityQuery(text), attributes: [:]).scope == scope)
  }

  @Test func `nothing that a person wrote becomes part of the statement`() throws {
    let hostile = "x' or 1=1; drop table runs; -- $1 ? %"
    let conditions = ["WorkflowId =", "Tier !=", "Tags =", "Notes =", "Tier STARTS_WITH"].map { "\($0) \"\(hostile)\"" }
    let query = conditions.joined(separator: " AND ") + " AND Tier IN (\"\(hostile)\")"
    let filter = try VisibilityFilter(try VisibilityQuery(query), attributes: Self.attributes)
    let statement = try #require(VisibilityQueryStatements.page(of: filter, namespace: hostile, after: nil, limit: 10).last).statement
    for word in ["drop", "1=1", "Tier", "Tags", "Notes", "%"] { #expect(!statement.sql.contains(word)) }
    #expect(!statement.isPrepared)
  }

  static let cursors: [(VisibilityFilter.Order, String, Bool)] = [
    (.startTime(isAscending: true), "00000000-0000-7000-8000-000000000001", true),
    (.startTime(isAscending: true), "5.00000000-0000-7000-8000-000000000001", false),
    (.closeTime(isAscending: false), "5.00000000-0000-7000-8000-000000000001", true),
    (.closeTime(isAscending: false), "open.00000000-0000-7000-8000-000000000001", true),
    (.closeTime(isAscending: false), "00000000-0000-7000-8000-000000000001", false),
    (.closeTime(isAscending: false), "five.00000000-0000-7000-8000-000000000001", false),
    (.closeTime(isAscending: false), "5.", false), (.startTime(isAscending: false), "", false),
  ]

  @Test(arguments: cursors) func `a cursor fits the order that made it, and reads as it is written`(
    order: VisibilityFilter.Order, text: String, fits: Bool
  ) {
    let cursor = VisibilityCursor(text, for: order)
    #expect((cursor != nil) == fits)
    #expect(cursor == nil || cursor?.text == text)
  }
}
