/// A listener of the reactor with its own connection.
///
/// | state      | event          | becomes                                                     |
/// |------------|----------------|-------------------------------------------------------------|
/// | connecting | connected      | preparing (LISTEN sent)                                     |
/// | preparing  | LISTEN replied | listening; `.reconnected` unless it is the first time       |
/// | any        | connection lost| waiting, then connecting; before the first time: until deadline |
struct ListenerMember {
  let request: ListenerRequest
  var connection: PipelineConnection?
  var isReady = false
  var failures = 0
  var retryAt: ContinuousClock.Instant?

  var nextDeadline: ContinuousClock.Instant? {
    guard !isReady else { return retryAt }
    return retryAt.map { min($0, request.deadline) } ?? request.deadline
  }
}

extension ReactorLoop {
  func listen(_ request: ListenerRequest) {
    guard !state.isShuttingDown else { return request.fail(Reactor.shutDownError) }
    listeners[request.identifier] = ListenerMember(request: request)
    connectListener(request.identifier)
  }

  func unlisten(_ identifier: UInt64) {
    guard let member = listeners.removeValue(forKey: identifier) else { return }
    member.request.events.finish()
    if !member.isReady { member.request.ready.resume(throwing: Reactor.shutDownError) }
  }

  func listenerConnected(_ identifier: UInt64, _ result: Result<ConnectionHandover, DatabaseError>) {
    guard let member = listeners[identifier] else { return }
    do {
      let connection = try result.get().connection
      listeners[identifier]?.connection = connection
      try connection.submit(member.request.statements)
      try connection.flush()
    } catch {
      retryListener(identifier, error)
    }
  }

  func serveListener(_ identifier: UInt64) {
    guard let member = listeners[identifier], let connection = member.connection else { return }
    do {
      try connection.flush()
      for outcome in try connection.receive() {
        if case .failure(let error, _) = outcome { throw error }
        isListening(identifier)
      }
      for (channel, payload) in connection.takeNotifications() {
        deliver(.notification(channel: channel, payload: payload), to: member.request)
      }
    } catch {
      retryListener(identifier, error)
    }
  }

  func expireListener(_ identifier: UInt64, _ now: Instant) {
    guard let member = listeners[identifier], let deadline = member.nextDeadline, deadline <= now else { return }
    if !member.isReady, member.request.deadline <= now {
      listeners[identifier] = nil
      let reason = lastConnectError?.message ?? "the server did not answer"
      return member.request.fail(DatabaseError(.connectionFailed, "cannot listen for notifications: \(reason)"))
    }
    connectListener(identifier)
  }

  private func connectListener(_ identifier: UInt64) {
    listeners[identifier]?.retryAt = nil
    // A connection that only listens sends nothing that a statement timeout could end.
    ConnectionHandover.connect(configuration.session) { [reactor] in reactor.post(.listenerConnected(identifier, $0)) }
  }

  private func isListening(_ identifier: UInt64) {
    guard let member = listeners[identifier] else { return }
    listeners[identifier]?.failures = 0
    listeners[identifier]?.isReady = true
    if member.isReady { deliver(.reconnected, to: member.request) } else { member.request.ready.resume() }
  }

  private func retryListener(_ identifier: UInt64, _ error: any Error) {
    guard let failures = listeners[identifier]?.failures else { return }
    lastConnectError = error as? DatabaseError
    listeners[identifier]?.connection = nil
    listeners[identifier]?.failures += 1
    listeners[identifier]?.retryAt = .now + ConnectionPoolState.retryDelay(failures: failures, random: .random(in: 0..<1))
  }

  private func deliver(_ event: NotificationListener.Event, to request: ListenerRequest) {
    // A full buffer drops its oldest event: the consumer must know that something is missing.
    if case .dropped = request.events.yield(event) { request.events.yield(.reconnected) }
  }
}
