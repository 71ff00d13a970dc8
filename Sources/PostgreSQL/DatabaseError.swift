/// What went wrong between this program and PostgreSQL.
///
/// `description` is safe to log: it holds no parameter values and no passwords. ``detail`` comes from the server and may hold values.
public struct DatabaseError: Error, Sendable {
  /// The kind of failure; compare with the static members, more may be added.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String, Sendable {
      case server, connectionFailed, connectionLost, timedOut, poolExhausted, shutDown
      case invalidConfiguration, invalidStatement, unexpectedResult, transactionAborted, transactionFinished
      case migrationRefused, clusterFailed
    }

    private let kind: Kind
    public var description: String { kind.rawValue }

    /// PostgreSQL refused a statement; `sqlState` says why.
    public static let server = Code(kind: .server)
    /// No connection could be made.
    public static let connectionFailed = Code(kind: .connectionFailed)
    /// The connection ended while it was in use.
    public static let connectionLost = Code(kind: .connectionLost)
    /// The reply did not come in time; the connection was given up.
    public static let timedOut = Code(kind: .timedOut)
    /// No connection of the pool became free in time.
    public static let poolExhausted = Code(kind: .poolExhausted)
    /// The database was shut down.
    public static let shutDown = Code(kind: .shutDown)
    public static let invalidConfiguration = Code(kind: .invalidConfiguration)
    /// The parameters do not fit the statement; nothing was sent.
    public static let invalidStatement = Code(kind: .invalidStatement)
    /// A result has not the type or shape the caller reads it with.
    public static let unexpectedResult = Code(kind: .unexpectedResult)
    /// COMMIT was answered by a rollback because a statement had failed before.
    public static let transactionAborted = Code(kind: .transactionAborted)
    /// A transaction was used after it had ended.
    public static let transactionFinished = Code(kind: .transactionFinished)
    public static let migrationRefused = Code(kind: .migrationRefused)
    /// A private cluster could not be made, started or stopped.
    public static let clusterFailed = Code(kind: .clusterFailed)
  }

  public let code: Code
  /// What happened, to what, and what to do.
  public private(set) var message: String
  /// The five characters of SQLSTATE when the server reported one.
  public var sqlState: String?
  public var severity: String?
  /// The server's detail; may hold row values, so keep it out of logs that others read.
  public var detail: String?
  public var hint: String?
  public var constraint: String?
  public var table: String?
  /// The name of the statement that failed.
  public var statement: String?
  /// The connection ended between sending a commit and its reply: the work may or may not be done, look before repeating it.
  public var outcomeUnknown = false
  /// A prepared plan that a schema change made useless; it is prepared anew at the next use.
  var isStalePlan = false

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}

extension DatabaseError {
  /// The same error with a context before its message.
  func prefixed(_ context: String) -> DatabaseError {
    var copy = self
    copy.message = context + message
    return copy
  }

  /// The work was not done because of a passing state of the server or the network; doing it again can succeed.
  ///
  /// With ``outcomeUnknown`` first look whether it was done.
  public var isRetryable: Bool {
    if isConnectionLost || isStalePlan || code == .poolExhausted { return true }
    guard let sqlState else { return false }
    return Self.retryableStates.contains(sqlState)
  }

  /// No usable connection: it ended, could not be made, or the server is going down.
  public var isConnectionLost: Bool {
    if code == .connectionLost || code == .connectionFailed || code == .timedOut { return true }
    guard let sqlState else { return false }
    return sqlState.hasPrefix("08") || Self.endingStates.contains(sqlState)
  }

  /// Serialization failure, deadlock, lock not available, too many connections, disk full.
  private static let retryableStates: Set<String> = ["40001", "40P01", "55P03", "53300", "53100"]
  /// Administrator's shutdown, crash of another backend, server starting up or shutting down.
  private static let endingStates: Set<String> = ["57P01", "57P02", "57P03"]
}

extension DatabaseError: CustomStringConvertible {
  public var description: String {
    var text = "\(code): \(safeMessage)"
    if let sqlState { text += " (SQLSTATE \(sqlState))" }
    if let statement { text += " in statement \(statement)" }
    if let constraint { text += ", constraint \(constraint)" }
    if outcomeUnknown { text += "; whether it was committed is not known" }
    return text
  }

  /// Messages of class 22 (data exception) quote the offending value: everything between the first and last quote is left out.
  private var safeMessage: String {
    guard let sqlState, sqlState.hasPrefix("22"), let first = message.firstIndex(of: "\""), let last = message.lastIndex(of: "\""),
      first < last
    else { return message }
    return message[...first] + "…" + message[last...]
  }
}
