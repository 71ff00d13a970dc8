/// A query whose names and values were checked: what the database is asked.
struct VisibilityFilter: Equatable, Sendable {
  typealias Expression = BooleanExpression<Condition>

  struct Condition: Equatable, Sendable {
    let field: VisibilityField
    let test: VisibilityTest<VisibilityValue>
  }

  enum Order: Equatable, Sendable {
    case startTime(isAscending: Bool)
    case closeTime(isAscending: Bool)
  }

  /// Nil when every run passes.
  var expression: Expression?
  var isGroupedByStatus = false
  var order = Order.startTime(isAscending: false)

  init(_ expression: Expression? = nil) {
    self.expression = expression
  }

  /// - Parameter attributes: the search attributes of the database, which may be named in queries.
  /// - Throws: `VisibilityQueryError` for an unknown name, a test that the field's type does not know, a value of another type.
  init(_ query: VisibilityQuery, attributes: [String: SearchAttributeType]) throws(VisibilityQueryError) {
    expression = try query.filter?.map { condition throws(VisibilityQueryError) in try Self.check(condition, attributes) }
    if let group = query.groupBy {
      guard VisibilityField.builtIn(named: group.text) == .executionStatus else {
        throw VisibilityQueryError(group.position, "runs are counted by ExecutionStatus, or as a whole")
      }
      isGroupedByStatus = true
    }
    guard let order = query.order else { return }
    switch VisibilityField.builtIn(named: order.field.text) {
    case .startTime: self.order = .startTime(isAscending: order.isAscending)
    case .closeTime: self.order = .closeTime(isAscending: order.isAscending)
    default: throw VisibilityQueryError(order.field.position, "runs are listed in the order of StartTime or CloseTime only")
    }
  }

  private static func check(
    _ condition: VisibilityCondition, _ attributes: [String: SearchAttributeType]
  ) throws(VisibilityQueryError) -> Condition {
    let name = condition.field
    let attribute = attributes[name.text].map { VisibilityField.attribute(name: name.text, $0) }
    guard let field = VisibilityField.builtIn(named: name.text) ?? attribute else {
      let known = VisibilityField.builtIn.map(\.name).joined(separator: ", ")
      throw VisibilityQueryError(name.position, "there is no field '\(name.text.prefix(80))': a query knows \(known)")
    }
    guard field.kind.allows(condition.test) else {
      throw VisibilityQueryError(name.position, "\(name.text) takes \(field.kind.tests), and IS NULL")
    }
    let test = try condition.test.map { literal throws(VisibilityQueryError) in
      guard let value = VisibilityValue(literal.value, for: field.kind) else {
        throw VisibilityQueryError(literal.position, "\(name.text) is compared with \(field.kind.example)")
      }
      return value
    }
    return Condition(field: field, test: test)
  }
}

// MARK: - Where such runs are found

/// Where the runs of a filter are looked for: closed runs are many and open ones few, blocked ones fewer still.
enum VisibilityScope: Equatable, Sendable {
  case all
  case open
  case blocked
}

extension VisibilityFilter {
  var scope: VisibilityScope {
    guard let expression else { return .all }
    let statuses = Self.statuses(expression)
    if statuses.isSubset(of: [.blocked]) { return .blocked }
    return statuses.allSatisfy(\.isOpen) ? .open : .all
  }

  private static let everyStatus = Set(WorkflowStatus.allCases)

  /// The statuses that a run which passes can have; more rather than fewer where it is hard to tell.
  private static func statuses(_ expression: Expression, isNegated: Bool = false) -> Set<WorkflowStatus> {
    switch expression {
    case .not(let inner): return statuses(inner, isNegated: !isNegated)
    case .all(let parts), .any(let parts):
      let sets = parts.map { statuses($0, isNegated: isNegated) }
      var isIntersection = false
      if case .all = expression { isIntersection = true }
      // By De Morgan a negation turns the one into the other.
      return isIntersection != isNegated
        ? sets.reduce(everyStatus) { $0.intersection($1) } : sets.reduce([]) { $0.union($1) }
    case .leaf(let condition):
      guard let passing = condition.statuses else { return everyStatus }
      return isNegated ? everyStatus.subtracting(passing) : passing
    }
  }
}

extension VisibilityFilter.Condition {
  /// Exactly the statuses of runs that pass; nil where it asks about something else.
  fileprivate var statuses: Set<WorkflowStatus>? {
    let values: [VisibilityValue]
    switch (field, test) {
    case (.closeTime, .isNull): return Set(WorkflowStatus.allCases.filter(\.isOpen))
    case (.executionStatus, .compare(_, let value)): values = [value]
    case (.executionStatus, .isOneOf(let several)): values = several
    default: return nil
    }
    return Set(values.compactMap { if case .status(let status) = $0 { status } else { nil } })
  }
}
