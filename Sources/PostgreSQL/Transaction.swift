import Synchronization

/// The isolation levels of PostgreSQL.
public enum TransactionIsolation: Sendable {
  case readCommitted, repeatableRead, serializable

  var begin: Statement {
    switch self {
    case .readCommitted: Self.beginReadCommitted
    case .repeatableRead: Self.beginRepeatableRead
    case .serializable: Self.beginSerializable
    }
  }

  private static let beginReadCommitted = Statement(name: "begin_read_committed", sql: "begin isolation level read committed")
  private static let beginRepeatableRead = Statement(name: "begin_repeatable_read", sql: "begin isolation level repeatable read")
  private static let beginSerializable = Statement(name: "begin_serializable", sql: "begin isolation level serializable")
}

/// An open transaction; valid only inside the closure of ``Database/transaction(isolation:_:)``.
///
/// After a statement has failed, PostgreSQL refuses the others and the transaction can only be rolled back.
public final class Transaction: Sendable {
  private let reactor: Reactor
  private let connection: Int
  private let isFinished = Atomic<Bool>(false)

  private static let commitStatement = Statement(name: "commit", sql: "commit")
  private static let rollBackStatement = Statement(name: "rollback", sql: "rollback")

  init(_ reactor: Reactor, connection: Int) {
    self.reactor = reactor
    self.connection = connection
  }

  /// Runs one statement inside the transaction.
  public func query(_ statement: Statement, _ parameters: Parameters = Parameters()) async throws -> Rows {
    guard !isFinished.load(ordering: .relaxed) else {
      throw DatabaseError(.transactionFinished, "statement \(statement.name) came after the end of its transaction")
    }
    return try await perform(statement, parameters, mayCommit: false, isCancellable: true)
  }

  /// Not cancellable: a cancelled COMMIT would leave its outcome unknown for nothing.
  func commit() async throws {
    isFinished.store(true, ordering: .relaxed)
    defer { reactor.post(.release(connection)) }
    let reply = try await perform(Self.commitStatement, Parameters(), mayCommit: true, isCancellable: false)
    guard reply.commandTag == "COMMIT" else {
      throw DatabaseError(
        .transactionAborted, "the transaction was rolled back because one of its statements had failed; let that error leave the closure")
    }
  }

  /// A failure means that the connection is gone, and the transaction with it.
  func rollBack() async {
    isFinished.store(true, ordering: .relaxed)
    _ = try? await perform(Self.rollBackStatement, Parameters(), mayCommit: false, isCancellable: false)
    reactor.post(.release(connection))
  }

  private func perform(_ statement: Statement, _ parameters: Parameters, mayCommit: Bool, isCancellable: Bool) async throws -> Rows {
    let operation = DatabaseOperation(.transaction([(statement, parameters)]), on: .leased(connection), mayCommit: mayCommit)
    return try await reactor.perform(operation, isCancellable: isCancellable).rows[0]
  }
}
