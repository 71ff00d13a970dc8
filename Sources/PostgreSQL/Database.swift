import Glibc

/// How a ``Database`` uses its server.
struct DatabaseConfiguration: Sendable {
  let session: ConnectionConfiguration
  let maximumConnections: Int
  let acquireTimeout: Duration
  let statementTimeout: Duration?
}

/// A pool of connections for async callers: everything that is not the engine's hot path.
///
/// Requests that find no free connection wait in order. Broken connections are replaced, with jittered delays while the server is away.
public final class Database: Sendable {
  private let configuration: DatabaseConfiguration
  private let reactor: Reactor

  /// Connections are made when they are needed, so this succeeds while the server is away.
  /// - Parameters:
  ///   - acquireTimeout: how long a request waits for a connection before it fails with code `poolExhausted`.
  ///   - statementTimeout: the longest run of one statement; the server ends it with SQLSTATE 57014. None by default.
  public init(
    _ configuration: ConnectionConfiguration, maximumConnections: Int = 8, acquireTimeout: Duration = .seconds(10),
    statementTimeout: Duration? = nil
  ) throws {
    precondition((1...1_000).contains(maximumConnections), "a pool has 1 to 1,000 connections")
    var session = configuration
    if let statementTimeout { session.settings["statement_timeout"] = "\(max(1, statementTimeout.wholeMilliseconds))ms" }
    // Errors in the configuration show at once, not at the first query.
    _ = try session.keywords()
    self.configuration = DatabaseConfiguration(
      session: session, maximumConnections: maximumConnections, acquireTimeout: acquireTimeout, statementTimeout: statementTimeout)
    reactor = try Reactor()
    reactor.start(self.configuration)
  }

  deinit { reactor.post(.shutDown(nil)) }

  /// Runs one statement in a transaction of its own.
  ///
  /// When the task is cancelled, the server is told to stop the statement and its connection is closed.
  public func query(_ statement: Statement, _ parameters: Parameters = Parameters()) async throws -> Rows {
    try await run([(statement, parameters)])[0]
  }

  /// Runs the statements as one transaction in one round trip: all take effect or none.
  public func run(_ transaction: [BoundStatement]) async throws -> [Rows] {
    try await reactor.perform(DatabaseOperation(.transaction(transaction), on: .pool, mayCommit: true)).rows
  }

  /// Runs several statements given as text, one transaction unless the text says otherwise; for scripts of this program only.
  public func execute(script: String) async throws {
    _ = try await reactor.perform(DatabaseOperation(.script(script), on: .pool, mayCommit: true))
  }

  /// Runs the closure in one transaction on one connection: committed when it returns, rolled back when it throws or is cancelled.
  nonisolated(nonsending) public func transaction<Value>(
    isolation: TransactionIsolation = .readCommitted, _ body: (Transaction) async throws -> Value
  ) async throws -> Value {
    let begin = DatabaseOperation(.transaction([(isolation.begin, Parameters())]), on: .poolKeepingLease, mayCommit: false)
    let transaction = Transaction(reactor, connection: try await reactor.perform(begin).connection)
    let value: Value
    do {
      value = try await body(transaction)
      try Task.checkCancellation()
    } catch {
      await transaction.rollBack()
      throw error
    }
    try await transaction.commit()
    return value
  }

  /// Listens on channels through a connection of its own; returns when notifications sent from now on will arrive.
  public func listen(to channels: [String]) async throws -> NotificationListener {
    precondition(!channels.isEmpty && channels.allSatisfy { (1...63).contains($0.utf8.count) }, "channel names have 1 to 63 bytes")
    let (events, continuation) = AsyncStream.makeStream(
      of: NotificationListener.Event.self, bufferingPolicy: .bufferingNewest(NotificationListener.bufferedEvents))
    let identifier = reactor.newListenerIdentifier()
    continuation.onTermination = { [reactor] _ in reactor.post(.unlisten(identifier)) }
    try await withCheckedThrowingContinuation { ready in
      let request = ListenerRequest(
        identifier: identifier, channels: channels, deadline: .now + configuration.acquireTimeout, events: continuation, ready: ready)
      reactor.post(.listen(request))
    }
    return NotificationListener(events: events)
  }

  /// Refuses new work, waits up to 10 s for work that has begun, and closes all connections.
  public func shutdown() async {
    await withCheckedContinuation { reactor.post(.shutDown($0)) }
  }
}

extension Reactor {
  /// Hands the work to the database thread and waits; with `isCancellable` a cancelled task stops it on the server.
  func perform(_ operation: DatabaseOperation, isCancellable: Bool = true) async throws -> DatabaseOperation.Reply {
    guard isCancellable else { return try await waitForReply(to: operation) }
    return try await withTaskCancellationHandler {
      try await waitForReply(to: operation)
    } onCancel: {
      operation.isCancelled.store(true, ordering: .relaxed)
      post(.cancel(operation.identifier))
    }
  }

  private func waitForReply(to operation: DatabaseOperation) async throws -> DatabaseOperation.Reply {
    try await withCheckedThrowingContinuation { continuation in
      operation.attach(continuation)
      post(.perform(operation))
    }
  }
}
