/// Reads a query by recursive descent:
///
///     query      = [ either ] [ GROUP BY name ] [ ORDER BY name [ ASC | DESC ] ]
///     either     = both { OR both }
///     both       = single { AND single }
///     single     = NOT single | ( either ) | name test
///     test       = comparison value | [ NOT ] ( IN ( value { , value } ) | BETWEEN value AND value | STARTS_WITH value ) | IS [ NOT ] NULL
///     value      = text in quotes | number | TRUE | FALSE
///
/// Keywords may be written in either case. Length, depth and number of terms are bounded: a query comes from outside.
struct VisibilityParser {
  private typealias Expression = BooleanExpression<VisibilityCondition>

  private let tokens: [VisibilityToken]
  private var index = 0
  private var depth = 0
  private var terms = 0

  static func parse(_ text: String) throws(VisibilityQueryError) -> VisibilityQuery {
    var parser = VisibilityParser(tokens: try VisibilityTokenizer.tokens(of: text))
    return try parser.query()
  }

  private init(tokens: [VisibilityToken]) {
    self.tokens = tokens
  }

  private mutating func query() throws(VisibilityQueryError) -> VisibilityQuery {
    var query = VisibilityQuery(filter: nil)
    if current.kind != .end, !isKeyword("GROUP"), !isKeyword("ORDER") { query.filter = try either() }
    if skip("GROUP") {
      try expect("BY")
      query.groupBy = try name()
    }
    if skip("ORDER") {
      try expect("BY")
      query.order = VisibilityOrder(field: try name())
      if skip("ASC") { query.order?.isAscending = true } else { _ = skip("DESC") }
    }
    guard current.kind == .end else {
      throw unexpected(query.order == nil ? "AND, OR, GROUP BY, ORDER BY or the end" : "the end")
    }
    return query
  }

  private mutating func either() throws(VisibilityQueryError) -> Expression {
    var parts = [try both()]
    while skip("OR") { parts.append(try both()) }
    return parts.count == 1 ? parts[0] : .any(parts)
  }

  private mutating func both() throws(VisibilityQueryError) -> Expression {
    var parts = [try single()]
    while skip("AND") { parts.append(try single()) }
    return parts.count == 1 ? parts[0] : .all(parts)
  }

  private mutating func single() throws(VisibilityQueryError) -> Expression {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Limits.queryDepth else {
      throw VisibilityQueryError(current.position, "NOT and parentheses are nested more than \(Limits.queryDepth) deep")
    }
    if skip("NOT") { return .not(try single()) }
    guard current.kind == .open else { return try condition() }
    advance()
    let inner = try either()
    guard current.kind == .close else { throw unexpected("AND, OR or ')'") }
    advance()
    return inner
  }

  private mutating func condition() throws(VisibilityQueryError) -> Expression {
    let field = try name()
    func leaf(_ test: VisibilityTest<VisibilityLiteral>) -> Expression { .leaf(VisibilityCondition(field: field, test: test)) }
    if case .comparison(let text) = current.kind {
      advance()
      let value = try literal()
      guard let comparison = VisibilityComparison(rawValue: text) else { return .not(leaf(.compare(.equal, value))) }
      return leaf(.compare(comparison, value))
    }
    if skip("IS") {
      let isNegated = skip("NOT")
      try expect("NULL")
      return isNegated ? .not(leaf(.isNull)) : leaf(.isNull)
    }
    let isNegated = skip("NOT")
    let found: Expression
    if skip("IN") {
      found = leaf(.isOneOf(try list()))
    } else if skip("BETWEEN") {
      let lowest = try literal()
      try expect("AND")
      found = .all([leaf(.compare(.greaterOrEqual, lowest)), leaf(.compare(.lessOrEqual, try literal()))])
    } else if skip("STARTS_WITH") {
      found = leaf(.startsWith(try literal()))
    } else {
      throw unexpected(isNegated ? "IN, BETWEEN or STARTS_WITH" : "a comparison, IN, NOT IN, BETWEEN, STARTS_WITH or IS")
    }
    return isNegated ? .not(found) : found
  }

  private mutating func list() throws(VisibilityQueryError) -> [VisibilityLiteral] {
    guard current.kind == .open else { throw unexpected("'(' with values") }
    advance()
    var values = [try literal()]
    while current.kind == .comma {
      advance()
      values.append(try literal())
    }
    guard current.kind == .close else { throw unexpected("',' or ')'") }
    advance()
    return values
  }

  private mutating func literal() throws(VisibilityQueryError) -> VisibilityLiteral {
    try countTerm()
    let position = current.position
    let value: VisibilityLiteral.Value
    switch current.kind {
    case .string(let text): value = .string(text)
    case .number(let text): value = .number(text)
    case .word where isKeyword("TRUE"): value = .bool(true)
    case .word where isKeyword("FALSE"): value = .bool(false)
    default: throw unexpected("a text in quotes, a number, true or false")
    }
    advance()
    return VisibilityLiteral(value: value, position: position)
  }

  private mutating func name() throws(VisibilityQueryError) -> VisibilityName {
    try countTerm()
    let position = current.position
    let text: String
    switch current.kind {
    case .name(let quoted): text = quoted
    case .word(let word) where !Self.keywords.contains(word.uppercased()): text = word
    default: throw unexpected("the name of a field")
    }
    advance()
    return VisibilityName(text: text, position: position)
  }

  private mutating func countTerm() throws(VisibilityQueryError) {
    terms += 1
    guard terms <= Limits.queryTerms else {
      throw VisibilityQueryError(current.position, "it has more than \(Limits.queryTerms) names and values")
    }
  }

  private static let keywords: Set<String> = [
    "AND", "OR", "NOT", "IN", "BETWEEN", "STARTS_WITH", "IS", "NULL", "TRUE", "FALSE", "GROUP", "ORDER", "BY", "ASC", "DESC",
  ]

  // The end is a token and nothing advances past it.
  private var current: VisibilityToken { tokens[index] }

  private mutating func advance() {
    index = min(index + 1, tokens.count - 1)
  }

  private func isKeyword(_ keyword: String) -> Bool {
    if case .word(let word) = current.kind { word.uppercased() == keyword } else { false }
  }

  private mutating func skip(_ keyword: String) -> Bool {
    guard isKeyword(keyword) else { return false }
    advance()
    return true
  }

  private mutating func expect(_ keyword: String) throws(VisibilityQueryError) {
    guard skip(keyword) else { throw unexpected(keyword) }
  }

  private func unexpected(_ expected: String) -> VisibilityQueryError {
    VisibilityQueryError(current.position, "expected \(expected), found \(current.description)")
  }
}
