/// A filter over runs as a person wrote it, taken apart: a documented subset of Temporal's visibility queries. Which fields there are and what
/// they may be compared with is checked afterwards, against the types of the search attributes of a database.
struct VisibilityQuery: Equatable, Sendable {
  var filter: BooleanExpression<VisibilityCondition>?
  var groupBy: VisibilityName?
  var order: VisibilityOrder?

  /// - Throws: `VisibilityQueryError` with the place of the first mistake.
  init(_ text: String) throws(VisibilityQueryError) {
    self = try VisibilityParser.parse(text)
  }

  init(filter: BooleanExpression<VisibilityCondition>?, groupBy: VisibilityName? = nil, order: VisibilityOrder? = nil) {
    self.filter = filter
    self.groupBy = groupBy
    self.order = order
  }
}

extension VisibilityQuery {
  /// The names that are no fields of every run.
  var attributeNames: [String] {
    filter?.leaves.map(\.field.text).filter { VisibilityField.builtIn(named: $0) == nil } ?? []
  }
}

/// Conditions joined by words. An absent value makes a condition unknown as in SQL: neither it nor its negation holds.
indirect enum BooleanExpression<Leaf> {
  case leaf(Leaf)
  case not(BooleanExpression)
  case all([BooleanExpression])
  case any([BooleanExpression])

  func map<Other, Failure: Error>(_ transform: (Leaf) throws(Failure) -> Other) throws(Failure) -> BooleanExpression<Other> {
    switch self {
    case .leaf(let leaf): return .leaf(try transform(leaf))
    case .not(let inner): return .not(try inner.map(transform))
    case .all(let parts): return .all(try BooleanExpression.map(parts, transform))
    case .any(let parts): return .any(try BooleanExpression.map(parts, transform))
    }
  }

  var leaves: [Leaf] {
    switch self {
    case .leaf(let leaf): [leaf]
    case .not(let inner): inner.leaves
    case .all(let parts), .any(let parts): parts.flatMap(\.leaves)
    }
  }

  private static func map<Other, Failure: Error>(
    _ parts: [BooleanExpression], _ transform: (Leaf) throws(Failure) -> Other
  ) throws(Failure) -> [BooleanExpression<Other>] {
    var mapped: [BooleanExpression<Other>] = []
    for part in parts { mapped.append(try part.map(transform)) }
    return mapped
  }
}

extension BooleanExpression: Equatable where Leaf: Equatable {}
extension BooleanExpression: Sendable where Leaf: Sendable {}

/// The name of a field, where it stands.
struct VisibilityName: Equatable, Sendable {
  let text: String
  let position: Int
}

struct VisibilityOrder: Equatable, Sendable {
  let field: VisibilityName
  var isAscending = false
}

/// What one field is asked. `!=`, `NOT IN`, `BETWEEN` and their kind are made of these.
struct VisibilityCondition: Equatable, Sendable {
  let field: VisibilityName
  let test: VisibilityTest<VisibilityLiteral>
}

enum VisibilityTest<Value> {
  case compare(VisibilityComparison, Value)
  case isOneOf([Value])
  case startsWith(Value)
  case isNull

  func map<Other, Failure: Error>(_ transform: (Value) throws(Failure) -> Other) throws(Failure) -> VisibilityTest<Other> {
    switch self {
    case .compare(let comparison, let value): return .compare(comparison, try transform(value))
    case .isOneOf(let values):
      var mapped: [Other] = []
      for value in values { mapped.append(try transform(value)) }
      return .isOneOf(mapped)
    case .startsWith(let value): return .startsWith(try transform(value))
    case .isNull: return .isNull
    }
  }
}

extension VisibilityTest: Equatable where Value: Equatable {}
extension VisibilityTest: Sendable where Value: Sendable {}

enum VisibilityComparison: String, Equatable, Sendable, CaseIterable {
  case equal = "="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
}

/// A value as it is written.
struct VisibilityLiteral: Equatable, Sendable {
  enum Value: Equatable, Sendable {
    case string(String)
    case number(String)
    case bool(Bool)
  }

  let value: Value
  let position: Int
}
