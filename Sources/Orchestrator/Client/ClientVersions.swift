import PostgreSQL

/// A version of a workflow type's code, and who still needs it.
public struct WorkflowVersion: Codable, Sendable, Equatable {
  /// How a version stands once one is current.
  public enum Status: String, Codable, Sendable {
    case current = "Current"
    /// A share of the workflow ids begins with it.
    case ramping = "Ramping"
    /// New runs begin with others; open runs are pinned to it.
    case draining = "Draining"
    /// No open run is pinned to it: its code can go.
    case drained = "Drained"
  }

  public let workflowType: String
  public let version: String
  /// Nil while nobody made a version of the type the current one.
  public let status: Status?
  /// Of all workflow ids, 0 to 100; nil unless it is ramping.
  public let rampingPercent: Double?
  /// Open runs that only this version continues.
  public let pinnedRuns: Int64
  /// Open runs that began with it and go on with the current one.
  public let upgradingRuns: Int64
  /// Start of the oldest open one; nil when none is open.
  public let oldestRunAt: RecordedTime?
  /// Living processes whose build has it.
  public let processes: Int64
}

/// Versions of workflow code: which one new runs begin with, and which one a run has.
extension Client {
  /// From now on, new runs of a type begin with this version, and runs that are not pinned go on with it. Durable when this returns; the engine
  /// follows within a second.
  /// - Parameters:
  ///   - version: nil for the one that the code says.
  ///   - isForced: also when a living process does not have it, whose runs of it are then blocked.
  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  public func setCurrentVersion(
    _ version: String?, of workflowType: String, namespace: String = "default", isForced: Bool = false
  ) async throws {
    _ = try await call(VersionStatements.setCurrent, Parameters(workflowType, version, namespace, isForced, identity))
  }

  /// From now on, a share of the workflow ids begins new runs with this version: always the same ones, and more of them with a larger share.
  /// - Parameters:
  ///   - version: nil ends it.
  ///   - percent: 0 to 100.
  ///   - isForced: as for the current version.
  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  public func setRampingVersion(
    _ version: String?, percent: Double = 0, of workflowType: String, namespace: String = "default", isForced: Bool = false
  ) async throws {
    _ = try await call(VersionStatements.setRamping, Parameters(workflowType, version, percent, namespace, isForced, identity))
  }

  /// Versions that somebody set, that open runs have, or that living processes know; by type and name, at most 1000.
  /// - Parameter workflowType: nil for all.
  public func workflowVersions(of workflowType: String? = nil, namespace: String = "default") async throws -> [WorkflowVersion] {
    let rows = try await database.query(VersionStatements.list, Parameters(namespace, workflowType))
    return try (0..<rows.count).map { row in
      WorkflowVersion(
        workflowType: try rows.text(row, 0), version: try rows.text(row, 1),
        status: try rows.optional(row, 2, rows.text).flatMap(WorkflowVersion.Status.init(rawValue:)),
        rampingPercent: try rows.optional(row, 3, rows.double), pinnedRuns: try rows.int64(row, 4), upgradingRuns: try rows.int64(row, 5),
        oldestRunAt: try rows.optional(row, 6, rows.time), processes: try rows.int64(row, 7))
    }
  }

  /// Gives the open run of a workflow id another version of its code, which replays its history before anything else reaches it; where the two do not
  /// fit together the run is blocked, and can be moved on or back. A run that continues it goes on so.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `workflow-closed`, `invalid-argument`.
  public func move(_ key: WorkflowKey, to versioning: RunVersioning, reason: String = "") async throws {
    let version = RecordedVersioning(versioning).pinnedVersion
    _ = try await call(VersionStatements.move, Parameters(key.workflowID, version, reason, key.namespace, identity))
    wakeOwner()
  }

  /// Replays as this moment's owners would.
  package func replayer() async throws -> Replayer { Replayer(registry, try await versionRoutes()) }

  /// Which versions new runs begin with now.
  func versionRoutes() async throws -> VersionRoutes { try VersionRoutes(try await database.query(VersionStatements.routes)) }
}
