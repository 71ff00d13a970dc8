/// Work and connections of the pool: performs the actions of ``ConnectionPoolState``.
extension ReactorLoop {
  func perform(_ operation: DatabaseOperation) {
    if operation.isCancelled.load(ordering: .relaxed) { return operation.finish(.failure(CancellationError())) }
    if case .leased(let connection) = operation.place {
      members[connection]?.queued.append(operation)
      return members[connection] == nil ? operation.finish(.failure(Self.leaseLost)) : startQueued(connection)
    }
    waiting[operation.identifier] = operation
    apply(.request(operation.identifier))
  }

  func apply(_ event: ConnectionPoolState.Event) {
    for action in state.handle(event, at: .now) {
      switch action {
      case .connect(let connection): connect(connection)
      case .lease(let request, let connection): lease(request, connection)
      case .fail(let request, let reason): waiting.removeValue(forKey: request)?.finish(.failure(refusal(reason)))
      case .close(let connection): members[connection] = nil
      case .finished: finish()
      }
    }
  }

  /// Serves a connection whose socket is ready.
  func serve(_ identifier: Int) {
    guard let connection = members[identifier]?.connection else { return }
    do {
      try connection.flush()
      for outcome in try connection.receive() { finishFirst(of: identifier, outcome) }
      startQueued(identifier)
    } catch {
      lose(identifier, error)
    }
  }

  /// Gives a connection back; one that is still inside a transaction is closed instead, so that nobody inherits it.
  func release(_ identifier: Int) {
    guard let member = members[identifier] else { return }
    guard member.connection.isInsideTransaction else { return apply(.released(identifier)) }
    members[identifier] = nil
    apply(.ended(identifier))
  }

  func connected(_ identifier: Int, _ result: Result<ConnectionHandover, DatabaseError>) {
    switch result {
    case .success(let handover):
      lastConnectError = nil
      members[identifier] = Member(connection: handover.connection)
      apply(.connected(identifier))
    case .failure(let error):
      lastConnectError = error
      apply(.connectFailed(identifier, random: Double.random(in: 0..<1)))
    }
  }

  func cancel(_ request: UInt64) {
    if let operation = waiting.removeValue(forKey: request) {
      apply(.withdraw(request))
      return operation.finish(.failure(CancellationError()))
    }
    for (identifier, member) in members {
      let all = member.inFlight.map(\.operation) + member.queued
      guard let operation = all.first(where: { $0.identifier == request }) else { continue }
      operation.finish(.failure(CancellationError()))
      abandon(identifier, because: DatabaseError(.connectionLost, "another statement on the connection was cancelled"))
    }
  }

  /// Closes a connection that may be running something, and has the server stop it.
  func abandon(_ identifier: Int, because error: DatabaseError) {
    guard let member = members.removeValue(forKey: identifier) else { return }
    fail(member, error)
    ConnectionHandover(connection: member.connection).cancelAndClose()
    apply(.ended(identifier))
  }

  // MARK: - Steps

  static var leaseLost: DatabaseError {
    DatabaseError(.connectionLost, "the connection of this transaction ended; the transaction was rolled back")
  }

  private func connect(_ identifier: Int) {
    ConnectionHandover.connect(configuration.session) { [reactor] in reactor.post(.connected(identifier, $0)) }
  }

  private func lease(_ request: UInt64, _ identifier: Int) {
    guard let operation = waiting.removeValue(forKey: request) else { return apply(.released(identifier)) }
    members[identifier]?.queued.append(operation)
    startQueued(identifier)
  }

  /// Sends what may be sent now: transactions follow each other at once, a script runs alone.
  private func startQueued(_ identifier: Int) {
    while let member = members[identifier], let operation = member.queued.first {
      let runsScript = if case .script = member.inFlight.first?.operation.work { true } else { false }
      let isScript = if case .script = operation.work { true } else { false }
      guard !runsScript, !isScript || member.inFlight.isEmpty else { return }
      members[identifier]?.queued.removeFirst()
      start(operation, on: identifier, member.connection)
    }
  }

  private func start(_ operation: DatabaseOperation, on identifier: Int, _ connection: PipelineConnection) {
    do {
      switch operation.work {
      case .transaction(let statements): try connection.submit(statements)
      case .script(let text): try connection.submit(script: text)
      }
      members[identifier]?.inFlight.append(Running(operation: operation, deadline: replyDeadline(operation)))
      try connection.flush()
    } catch {
      if connection.isBroken { lose(identifier, error) }
      operation.finish(.failure(error))
      if members[identifier] != nil, operation.place.takesFromPool { release(identifier) }
    }
  }

  private func finishFirst(of identifier: Int, _ outcome: TransactionOutcome) {
    guard let operation = members[identifier]?.inFlight.removeFirst().operation else { return }
    switch outcome {
    case .success(let rows):
      operation.finish(.success(DatabaseOperation.Reply(rows: rows, connection: identifier)))
      if operation.place == .pool { release(identifier) }
    case .failure(let error, _):
      operation.finish(.failure(error))
      if operation.place.takesFromPool { release(identifier) }
    }
  }

  private func lose(_ identifier: Int, _ error: any Error) {
    guard let member = members.removeValue(forKey: identifier) else { return }
    fail(member, error as? DatabaseError ?? DatabaseError(.connectionLost, "\(error)"))
    apply(.ended(identifier))
  }

  private func fail(_ member: Member, _ error: DatabaseError) {
    for running in member.inFlight {
      var own = error
      own.outcomeUnknown = running.operation.mayCommit
      running.operation.finish(.failure(own))
    }
    for operation in member.queued { operation.finish(.failure(Self.leaseLost)) }
  }

  private func refusal(_ reason: ConnectionPoolState.Reason) -> DatabaseError {
    switch reason {
    case .shutDown: Reactor.shutDownError
    case .tooManyWaiting:
      DatabaseError(.poolExhausted, "\(ConnectionPoolState.maximumWaiting) requests wait for a database connection already")
    case .timedOut:
      DatabaseError(
        .poolExhausted,
        "none of \(configuration.maximumConnections) database connections became free in time"
          + (lastConnectError.map { "; the last attempt to connect failed: \($0.message)" } ?? ""))
    }
  }
}

extension DatabaseOperation.Place {
  /// Whether the connection goes back to the pool when the work fails.
  var takesFromPool: Bool {
    switch self {
    case .pool, .poolKeepingLease: true
    case .leased: false
    }
  }
}
