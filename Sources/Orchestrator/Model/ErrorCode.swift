/// The catalogue of what can go wrong, one stable code each: the same code in SQL (SQLSTATE), HTTP (problem type and status) and the command
/// line (exit status). docs/errors has a page for each.
public struct ErrorCode: Hashable, Sendable, CustomStringConvertible {
  /// Stable name, for example `workflow-not-found`; the last part of the problem's `type`.
  public let name: String
  /// What SQL functions raise; class OR is ours.
  public let sqlState: String
  public let httpStatus: Int
  /// Exit status of the command line (sysexits.h where one fits).
  public let exitStatus: Int32

  public var description: String { name }

  public static let ownershipLost = ErrorCode(name: "ownership-lost", sqlState: "OR001", httpStatus: 503, exitStatus: 75)
  public static let workflowAlreadyStarted = ErrorCode(name: "workflow-already-started", sqlState: "OR002", httpStatus: 409, exitStatus: 65)
  public static let workflowNotFound = ErrorCode(name: "workflow-not-found", sqlState: "OR003", httpStatus: 404, exitStatus: 66)
  public static let workflowClosed = ErrorCode(name: "workflow-closed", sqlState: "OR004", httpStatus: 409, exitStatus: 65)
  public static let invalidArgument = ErrorCode(name: "invalid-argument", sqlState: "OR005", httpStatus: 400, exitStatus: 64)
  public static let unseenMessage = ErrorCode(name: "unseen-message", sqlState: "OR006", httpStatus: 503, exitStatus: 75)
  public static let predecessorMissing = ErrorCode(name: "predecessor-missing", sqlState: "OR007", httpStatus: 503, exitStatus: 75)
  public static let leaseLost = ErrorCode(name: "lease-lost", sqlState: "OR008", httpStatus: 409, exitStatus: 65)
  public static let activityNotFound = ErrorCode(name: "activity-not-found", sqlState: "OR009", httpStatus: 404, exitStatus: 66)
  public static let nonDeterminism = ErrorCode(name: "non-determinism", sqlState: "OR010", httpStatus: 500, exitStatus: 70)
  public static let undecodablePayload = ErrorCode(name: "undecodable-payload", sqlState: "OR011", httpStatus: 500, exitStatus: 70)
  public static let unknownWorkflowType = ErrorCode(name: "unknown-workflow-type", sqlState: "OR012", httpStatus: 500, exitStatus: 70)
  public static let unknownWorkflowVersion = ErrorCode(
    name: "unknown-workflow-version", sqlState: "OR019", httpStatus: 500, exitStatus: 70)
  public static let blockedCode = ErrorCode(name: "blocked-code", sqlState: "OR013", httpStatus: 500, exitStatus: 70)
  public static let executorEscape = ErrorCode(name: "executor-escape", sqlState: "OR014", httpStatus: 500, exitStatus: 70)
  public static let damagedHistory = ErrorCode(name: "damaged-history", sqlState: "OR015", httpStatus: 500, exitStatus: 65)
  public static let storeRefused = ErrorCode(name: "store-refused", sqlState: "OR016", httpStatus: 500, exitStatus: 70)
  public static let queryNotFound = ErrorCode(name: "query-not-found", sqlState: "OR017", httpStatus: 404, exitStatus: 66)
  public static let unavailable = ErrorCode(name: "unavailable", sqlState: "OR018", httpStatus: 503, exitStatus: 69)
  public static let scheduleNotFound = ErrorCode(name: "schedule-not-found", sqlState: "OR030", httpStatus: 404, exitStatus: 66)
  public static let scheduleAlreadyExists = ErrorCode(name: "schedule-already-exists", sqlState: "OR031", httpStatus: 409, exitStatus: 65)
  public static let scheduleChanged = ErrorCode(name: "schedule-changed", sqlState: "OR032", httpStatus: 409, exitStatus: 75)

  public static let all: [ErrorCode] = [
    ownershipLost, workflowAlreadyStarted, workflowNotFound, workflowClosed, invalidArgument, unseenMessage, predecessorMissing, leaseLost,
    activityNotFound, nonDeterminism, undecodablePayload, unknownWorkflowType, blockedCode, executorEscape, damagedHistory, storeRefused,
    queryNotFound, unavailable, unknownWorkflowVersion, scheduleNotFound, scheduleAlreadyExists, scheduleChanged,
  ]

  static let bySQLState = Dictionary(uniqueKeysWithValues: all.map { ($0.sqlState, $0) })
}

/// An error with its code: what happened, to what, and what to do.
public struct OrchestratorError: Error, Sendable, Equatable, CustomStringConvertible {
  public let code: ErrorCode
  public let message: String
  /// Of a refused start: the open run of its workflow id, where that is known.
  public internal(set) var openRunID: RunID?

  public init(_ code: ErrorCode, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { "\(message) (\(code.name))" }
}
