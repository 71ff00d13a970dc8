import PostgreSQL

/// Checked filters as SQL. Columns come from here; everything that a person wrote, names of search attributes too, travels as a parameter.
///
/// Each statement is planned for the one time it is used, with its values: which index helps depends on them.
struct VisibilityQueryStatements {
  private var parameters = Parameters()
  private var types: [PostgresType] = []
  private var usesAttributes = false

  /// The sessions of an engine are set for its own statements, whose plans must not change. Here the planner may choose; what it gains by
  /// compiling a plan is less than that takes. But how many of the open runs pass it cannot know, and where it expects few it joins and
  /// sorts all of them for one page: those are walked in their order.
  private static let planning = Statement(
    name: "visibility_planning",
    sql: """
      select set_config('jit', 'off', true), set_config('plan_cache_mode', 'auto', true), set_config('enable_seqscan', 'on', true),
        set_config('enable_hashjoin', $1, true), set_config('enable_mergejoin', $1, true)
      """,
    parameterTypes: [.text])

  /// A page of runs with the columns of `WorkflowSummary`, given by the last of the statements.
  static func page(of filter: VisibilityFilter, namespace: String, after cursor: VisibilityCursor?, limit: Int) -> [BoundStatement] {
    var builder = VisibilityQueryStatements()
    let conditions = builder.conditions(of: filter, namespace: namespace, after: cursor)
    let rows = builder.bind(Int64(limit), .int8)
    var isWalk = false
    if case .startTime = filter.order { isWalk = filter.scope != .all }
    return builder.statements(
      isWalk: isWalk,
      """
      select w.run_id, w.namespace, w.workflow_id, w.workflow_type, w.status, w.started_at, w.closed_at, w.events, w.waits_for, w.blocked_code,
        (select s.attributes from orchestrator.search_attributes s where s.run_id = w.run_id), w.version, w.is_pinned
      from \(builder.source(of: filter.scope)) where \(conditions) order by \(order(of: filter)) limit \(rows)
      """)
  }

  /// How many runs pass, by the last of the statements: one row with the number, or one with status and number for every status.
  static func count(of filter: VisibilityFilter, namespace: String) -> [BoundStatement] {
    var builder = VisibilityQueryStatements()
    let conditions = builder.conditions(of: filter, namespace: namespace, after: nil)
    let source = builder.source(of: filter.scope)
    return builder.statements(
      isWalk: false,
      filter.isGroupedByStatus
        ? "select w.status, count(*) from \(source) where \(conditions) group by w.status order by count(*) desc, w.status"
        : "select null::text, count(*) from \(source) where \(conditions)")
  }

  /// Writes down the runs that pass for a batch.
  static func gather(_ filter: VisibilityFilter, namespace: String, batch: RunID, limit: Int) -> [BoundStatement] {
    var builder = VisibilityQueryStatements()
    let conditions = builder.conditions(of: filter, namespace: namespace, after: nil)
    let (run, rows) = (builder.bind(batch.uuid, .uuid), builder.bind(Int64(limit), .int8))
    return builder.statements(
      isWalk: false,
      """
      insert into orchestrator.batch_runs (run_id, target_run_id)
      select \(run), w.run_id from \(builder.source(of: filter.scope)) where \(conditions) limit \(rows)
      """)
  }

  /// Which of these runs pass, with their statuses, by the last of the statements.
  static func standing(_ filter: VisibilityFilter, namespace: String, runs: [RunID]) -> [BoundStatement] {
    var builder = VisibilityQueryStatements()
    let conditions = builder.conditions(of: filter, namespace: namespace, after: nil)
    let chosen = builder.bind(runs.map { .run($0) }, of: .runID)
    return builder.statements(
      isWalk: true, "select w.run_id, w.status from \(builder.source(of: .all)) where w.run_id = any(\(chosen)) and \(conditions)")
  }

  private func statements(isWalk: Bool, _ sql: String) -> [BoundStatement] {
    [
      (Self.planning, Parameters(isWalk ? "off" : "on")),
      (Statement(name: "visibility_query", sql: sql, parameterTypes: types, isPrepared: false), parameters),
    ]
  }

  /// Every open run is parked or at or above the lowest of the low-water marks, which a takeover relies on too: so open runs are found without
  /// a walk through all that ended. Its two parts are in the order of the key, and share no run. Scalar queries are not turned into a hash
  /// of all that ended.
  private static let openRuns = """
    (select p.run_id from orchestrator.parked_runs p
     union all
     select r.run_id from orchestrator.runs r
     where r.run_id >= (
         select least(s.low_water, h.low_water) from orchestrator.slots s left join orchestrator.process_heartbeats h using (process_id)
         order by 1 limit 1)
       and (select true from orchestrator.closes c where c.run_id = r.run_id) is null
       and (select true from orchestrator.parked_runs p where p.run_id = r.run_id) is null)
    """

  /// Open runs behind one, oldest first, by the last of the statements; nil for all namespaces and types.
  static func openRuns(after run: RunID, _ namespace: String?, _ workflowType: String?, limit: Int) -> [BoundStatement] {
    [(planning, Parameters("off")), (openRunsPage, Parameters(run.uuid, namespace, workflowType, Int64(limit)))]
  }

  private static let openRunsPage = Statement(
    name: "visibility_open_runs",
    sql: """
      select r.run_id, r.namespace, r.workflow_id, r.workflow_type
      from \(openRuns) k cross join lateral (
        select o.run_id, o.namespace, o.workflow_id, o.workflow_type from orchestrator.runs o where o.run_id = k.run_id limit 1) r
      where k.run_id > $1 and ($2::text is null or r.namespace = $2) and ($3::text is null or r.workflow_type = $3)
      order by k.run_id limit $4
      """,
    parameterTypes: [.uuid, .text, .text, .int8], isPrepared: false)

  private func source(of scope: VisibilityScope) -> String {
    let runs =
      switch scope {
      case .all: "orchestrator.workflows w"
      case .open: "\(Self.openRuns) k join orchestrator.workflows w on w.run_id = k.run_id"
      case .blocked: "orchestrator.blocked_runs k join orchestrator.workflows w on w.run_id = k.run_id"
      }
    return usesAttributes ? "\(runs) left join orchestrator.search_attributes a on a.run_id = w.run_id" : runs
  }

  /// The column that is walked in the order of starts.
  private static func key(of scope: VisibilityScope) -> String { scope == .all ? "w.run_id" : "k.run_id" }

  private static let closing = (descending: "coalesce(w.closed_at, 'infinity')", ascending: "coalesce(w.closed_at, '-infinity')")

  /// Open runs come first in both orders of ends: one that ends while someone pages moves back, so that it is never left out.
  private static func order(of filter: VisibilityFilter) -> String {
    switch filter.order {
    case .startTime(let isAscending): "\(key(of: filter.scope)) \(isAscending ? "asc" : "desc")"
    case .closeTime(true): "\(closing.ascending), w.run_id"
    case .closeTime(false): "\(closing.descending) desc, w.run_id desc"
    }
  }

  private mutating func conditions(of filter: VisibilityFilter, namespace: String, after cursor: VisibilityCursor?) -> String {
    var conditions = ["w.namespace = \(bind(namespace, .text))"]
    switch (cursor, filter.order) {
    case (.run(let run), .startTime(let isAscending)):
      conditions.append("\(Self.key(of: filter.scope)) \(isAscending ? ">" : "<") \(bind(run.uuid, .uuid))")
    case (.close(let time, let run), .closeTime(let isAscending)):
      let side = isAscending ? Self.closing.ascending : Self.closing.descending
      let mark = bind(microseconds: time?.microseconds ?? (isAscending ? .min : .max))
      conditions.append("(\(side), w.run_id) \(isAscending ? ">" : "<") (\(mark), \(bind(run.uuid, .uuid)))")
    default: break
    }
    if let expression = filter.expression { conditions.append(sql(expression, isNegated: false)) }
    return conditions.joined(separator: " and ")
  }

  // MARK: - Expressions

  /// A negation goes down to the conditions, where it keeps an unknown value unknown.
  private mutating func sql(_ expression: VisibilityFilter.Expression, isNegated: Bool) -> String {
    switch expression {
    case .not(let inner): return sql(inner, isNegated: !isNegated)
    case .all(let parts): return joined(parts, by: isNegated ? " or " : " and ", isNegated)
    case .any(let parts): return joined(parts, by: isNegated ? " and " : " or ", isNegated)
    case .leaf(let condition):
      if !isNegated, let contained = containment(condition) { return contained }
      let text = sql(condition)
      return isNegated ? "not (\(text))" : text
    }
  }

  private mutating func joined(_ parts: [VisibilityFilter.Expression], by word: String, _ isNegated: Bool) -> String {
    var texts: [String] = []
    for part in parts { texts.append(sql(part, isNegated: isNegated)) }
    return "(" + texts.joined(separator: word) + ")"
  }

  /// Equality with a search attribute, as the index on them answers it. An attribute that is not there makes it false, not unknown, so it
  /// stands for nothing that is negated.
  private mutating func containment(_ condition: VisibilityFilter.Condition) -> String? {
    guard case .attribute(let name, let type) = condition.field, type != .text else { return nil }
    let values: [VisibilityValue]
    switch condition.test {
    case .compare(.equal, let value): values = [value]
    case .isOneOf(let several): values = several
    default: return nil
    }
    usesAttributes = true
    var texts: [String] = []
    for value in values {
      let document = value.document(named: name, isListed: type == .keywordList)
      texts.append("a.attributes @> \(bind(document.text, .text))::jsonb")
    }
    return "(" + texts.joined(separator: " or ") + ")"
  }

  private mutating func sql(_ condition: VisibilityFilter.Condition) -> String {
    let column = column(of: condition.field)
    switch (condition.field.kind, condition.test) {
    case (_, .isNull): return "\(column) is null"
    case (.words, .compare(_, .text(let words))):
      return """
        to_tsvector('simple', \(column))
          @@ any (select plainto_tsquery('simple', word) from regexp_split_to_table(\(bind(words, .text)), '\\s+') word)
        """
    case (.keywordList, .compare(_, .text(let element))): return "\(column) ? \(bind(element, .text))"
    case (.keywordList, .isOneOf(let elements)): return "\(column) ?| \(bind(elements, of: condition.field))"
    case (_, .compare(.equal, let value)): return "\(column) = \(bind(value, of: condition.field))"
    // Byte by byte, so that every database gives the same order.
    case (.keyword, .compare(let comparison, let value)):
      return "\(column) collate \"C\" \(comparison.rawValue) \(bind(value, of: condition.field))"
    case (_, .compare(let comparison, let value)): return "\(column) \(comparison.rawValue) \(bind(value, of: condition.field))"
    case (_, .isOneOf(let values)): return "\(column) = any(\(bind(values, of: condition.field)))"
    case (_, .startsWith(let value)): return "starts_with(\(column), \(bind(value, of: condition.field)))"
    }
  }

  private mutating func column(of field: VisibilityField) -> String {
    switch field {
    case .workflowID: return "w.workflow_id"
    case .runID: return "w.run_id"
    case .workflowType: return "w.workflow_type"
    case .executionStatus: return "w.status"
    case .startTime: return "w.started_at"
    case .closeTime: return "w.closed_at"
    case .executionDuration: return "(extract(epoch from w.closed_at - w.started_at) * 1000000000)::int8"
    case .historyLength: return "w.events"
    case .waitsFor: return "w.waits_for"
    case .blockedCode: return "w.blocked_code"
    case .workflowVersion: return "w.version"
    case .attribute(let name, let type):
      usesAttributes = true
      let key = bind(name, .text)
      switch type {
      case .keyword, .text: return "(a.attributes ->> \(key))"
      // A time is stored as text of one length in UTC: its order is that of the text.
      case .datetime: return "(a.attributes ->> \(key)) collate \"C\""
      // Exactly, and whatever the value is that stands there: no run may make the queries of others fail.
      case .int, .double: return "(case when jsonb_typeof(a.attributes -> \(key)) = 'number' then (a.attributes -> \(key))::numeric end)"
      case .bool: return "(case when jsonb_typeof(a.attributes -> \(key)) = 'boolean' then (a.attributes -> \(key))::bool end)"
      case .keywordList: return "(a.attributes -> \(key))"
      }
    }
  }

  // MARK: - Parameters

  private mutating func bind(_ value: some ParameterValue, _ type: PostgresType) -> String {
    parameters.append(value)
    types.append(type)
    return "$\(types.count)"
  }

  private mutating func bind(microseconds: Int64) -> String {
    parameters.appendTimestamp(microseconds: microseconds)
    types.append(.timestamptz)
    return "$\(types.count)"
  }

  private mutating func bind(_ value: VisibilityValue, of field: VisibilityField) -> String {
    switch value {
    case .text(let text): return bind(text, .text)
    case .run(let run): return bind(run.uuid, .uuid)
    case .status(let status): return bind(status.rawValue, .text)
    case .time(let time): return field.isAttribute ? bind(time.description, .text) : bind(microseconds: time.microseconds)
    case .integer(let number): return field.isAttribute ? bind(String(number), .text) + "::numeric" : bind(number, .int8)
    case .double(let number): return bind(String(number), .text) + "::numeric"
    case .bool(let flag): return bind(flag, .bool)
    }
  }

  /// Values of one field, so of one type.
  private mutating func bind(_ values: [VisibilityValue], of field: VisibilityField) -> String {
    let (element, array): (PostgresType, PostgresType)
    switch (field.kind, field.isAttribute) {
    case (.run, _): (element, array) = (.uuid, .uuidArray)
    case (.time, false): (element, array) = (.timestamptz, .timestamptzArray)
    case (.integer, false), (.duration, _): (element, array) = (.int8, .int8Array)
    default: (element, array) = (.text, .textArray)
    }
    let column = ArrayColumn(element)
    for value in values {
      switch value {
      case .text(let text): column.append(text)
      case .run(let run): column.append(run.uuid)
      case .status(let status): column.append(status.rawValue)
      case .time(let time) where field.isAttribute: column.append(time.description)
      case .time(let time): column.appendTimestamp(microseconds: time.microseconds)
      case .integer(let number): if field.isAttribute { column.append(String(number)) } else { column.append(number) }
      case .double(let number): column.append(String(number))
      case .bool(let flag): column.append(String(flag))
      }
    }
    parameters.append(column)
    types.append(array)
    let isNumeric = field.isAttribute && (field.kind == .integer || field.kind == .double)
    return "$\(types.count)" + (isNumeric ? "::numeric[]" : "")
  }
}

extension VisibilityField {
  fileprivate var isAttribute: Bool { if case .attribute = self { true } else { false } }
}
