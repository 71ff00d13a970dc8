import PostgreSQL

/// Versions of workflow types: which are current, which runs have one, which builds know them.
enum VersionStatements {
  static let routes = Statement(
    name: "version_routes",
    sql: """
      select workflow_type, namespace, current_version, ramping_version, ramping_percent from orchestrator.version_settings
      order by workflow_type, namespace limit 10000
      """)

  static let insertKnown = Statement(
    name: "insert_known_versions",
    sql: """
      insert into orchestrator.known_versions (process_id, workflow_type, version, is_pinned)
      select $1, * from unnest($2::text[], $3::text[], $4::bool[])
      """,
    parameterTypes: [.int8, .textArray, .textArray, .boolArray])

  /// A run is moved by an operator, now and then.
  static let upsertRuns = Statement(
    name: "upsert_run_versions",
    sql: """
      insert into orchestrator.run_versions (run_id, slot, version, is_pinned)
      select * from unnest($1::uuid[], $2::int2[], $3::text[], $4::bool[])
      on conflict (run_id) do update set version = excluded.version, is_pinned = excluded.is_pinned
      """,
    parameterTypes: [.uuidArray, .int2Array, .textArray, .boolArray])

  static let deleteRuns = Statement(
    name: "delete_run_versions", sql: "delete from orchestrator.run_versions where run_id = any($1)", parameterTypes: [.uuidArray])

  static let setCurrent = Statement(
    name: "set_current_version", sql: "select orchestrator.set_current_version($1, $2, $3, $4, $5)",
    parameterTypes: [.text, .text, .text, .bool, .text])

  static let setRamping = Statement(
    name: "set_ramping_version", sql: "select orchestrator.set_ramping_version($1, $2, $3, $4, $5, $6)",
    parameterTypes: [.text, .text, .float8, .text, .bool, .text])

  static let move = Statement(
    name: "move_workflow", sql: "select orchestrator.move_workflow($1, $2, $3, $4, $5)",
    parameterTypes: [.text, .text, .text, .text, .text])

  static let list = Statement(
    name: "workflow_versions",
    sql: """
      select workflow_type, version, status, ramping_percent, pinned_runs, upgrading_runs, oldest_run_at, processes
      from orchestrator.workflow_versions where namespace = $1 and ($2::text is null or workflow_type = $2)
      order by workflow_type, version limit 1000
      """,
    parameterTypes: [.text, .text])
}

/// A version that a build has, as its process tells it.
struct KnownVersion: Sendable {
  let workflowType: String
  let version: String
  let isPinned: Bool

  static func parameters(_ versions: [KnownVersion], of process: Int64) -> Parameters {
    let (types, names, pinned) = (ArrayColumn(.text), ArrayColumn(.text), ArrayColumn(.bool))
    for version in versions {
      types.append(version.workflowType)
      names.append(version.version)
      pinned.append(version.isPinned)
    }
    var parameters = Parameters(process)
    for column in [types, names, pinned] { parameters.append(column) }
    return parameters
  }
}

extension Registry {
  /// By type, in the order of their registration.
  var versions: [KnownVersion] {
    workflows.values.sorted { $0.name < $1.name }.flatMap { code in
      code.versions.map { KnownVersion(workflowType: code.name, version: $0.name, isPinned: $0.behavior == .pinned) }
    }
  }
}

extension VersionRoutes {
  init(_ rows: Rows) throws {
    self.init()
    for row in 0..<rows.count {
      self[try rows.text(row, 0), in: try rows.text(row, 1)] = VersionRoute(
        current: try rows.optional(row, 2, rows.text), ramping: try rows.optional(row, 3, rows.text),
        rampingPercent: try rows.double(row, 4))
    }
  }
}
