import Glibc

/// The body of the database thread: takes messages, moves bytes, asks ``ConnectionPoolState`` what to do. Only its thread uses it.
final class ReactorLoop {
  typealias Instant = ContinuousClock.Instant

  /// A connection of the pool.
  struct Member {
    let connection: PipelineConnection
    /// Sent, in order; their outcomes come in the same order.
    var inFlight: [Running] = []
    /// Not sent yet: a script runs alone.
    var queued: [DatabaseOperation] = []
  }

  struct Running {
    let operation: DatabaseOperation
    /// When the connection is given up because no reply came; nil without a statement timeout.
    let deadline: Instant?
  }

  /// How much later than the server's own statement timeout the connection is given up.
  private static let replyGrace = Duration.seconds(5)
  /// How long a shutdown waits for work that has begun.
  private static let shutDownGrace = Duration.seconds(10)

  let reactor: Reactor
  let configuration: DatabaseConfiguration
  var state: ConnectionPoolState
  var members: [Int: Member] = [:]
  /// Work that waits for a connection.
  var waiting: [UInt64: DatabaseOperation] = [:]
  var listeners: [UInt64: ListenerMember] = [:]
  var lastConnectError: DatabaseError?
  private var shutDownWaiters: [CheckedContinuation<Void, Never>] = []
  private var shutDownDeadline: Instant?
  private var isFinished = false

  init(_ reactor: Reactor, _ configuration: DatabaseConfiguration) {
    self.reactor = reactor
    self.configuration = configuration
    state = ConnectionPoolState(maximumConnections: configuration.maximumConnections, acquireTimeout: configuration.acquireTimeout)
  }

  func run() {
    while !isFinished { runOnce() }
    reactor.close()
    for waiter in shutDownWaiters { waiter.resume() }
  }

  private func runOnce() {
    let ready = waitForEvents()
    for message in reactor.take() { handle(message) }
    for identifier in ready.members { serve(identifier) }
    for identifier in ready.listeners { serveListener(identifier) }
    expire()
  }

  private func handle(_ message: Reactor.Message) {
    switch message {
    case .perform(let operation): perform(operation)
    case .cancel(let identifier): cancel(identifier)
    case .release(let connection): release(connection)
    case .connected(let connection, let result): connected(connection, result)
    case .listen(let request): listen(request)
    case .unlisten(let identifier): unlisten(identifier)
    case .listenerConnected(let identifier, let result): listenerConnected(identifier, result)
    case .shutDown(let continuation): shutDown(continuation)
    }
  }

  // MARK: Waiting

  private func waitForEvents() -> (members: [Int], listeners: [UInt64]) {
    var descriptors = [pollfd(fd: reactor.wakeDescriptor, events: Int16(POLLIN), revents: 0)]
    let memberOrder = Array(members.keys)
    let listenerOrder = listeners.compactMap { $0.value.connection == nil ? nil : $0.key }
    let connections = memberOrder.map { members[$0]?.connection } + listenerOrder.map { listeners[$0]?.connection }
    for connection in connections {
      let events = Int16(POLLIN) | (connection?.wantsWrite == true ? Int16(POLLOUT) : 0)
      descriptors.append(pollfd(fd: connection?.socket ?? -1, events: events, revents: 0))
    }
    _ = poll(&descriptors, nfds_t(descriptors.count), pollTimeout())
    let isReady = descriptors.dropFirst().map { $0.revents != 0 }
    let ready = (memberOrder.indices.filter { isReady[$0] }, listenerOrder.indices.filter { isReady[memberOrder.count + $0] })
    return (ready.0.map { memberOrder[$0] }, ready.1.map { listenerOrder[$0] })
  }

  private func pollTimeout() -> Int32 {
    var next = [state.nextDeadline, shutDownDeadline].compactMap(\.self)
    next += members.values.compactMap { $0.inFlight.first?.deadline }
    next += listeners.values.compactMap(\.nextDeadline)
    guard let earliest = next.min() else { return -1 }
    return Int32(clamping: max(0, (earliest - .now).wholeMilliseconds))
  }

  private func expire() {
    let now = Instant.now
    if let deadline = state.nextDeadline, deadline <= now { apply(.clock) }
    for (identifier, member) in members {
      guard let deadline = member.inFlight.first?.deadline, deadline <= now else { continue }
      abandon(identifier, because: DatabaseError(.timedOut, "PostgreSQL did not answer in time; the connection was given up"))
    }
    for identifier in listeners.keys { expireListener(identifier, now) }
    if let deadline = shutDownDeadline, deadline <= now {
      shutDownDeadline = nil
      for identifier in members.keys { abandon(identifier, because: Reactor.shutDownError) }
      isFinished = true
    }
  }

  func replyDeadline(_ operation: DatabaseOperation) -> Instant? {
    guard case .transaction(let statements) = operation.work, let timeout = configuration.statementTimeout else { return nil }
    return .now + timeout * max(1, statements.count) + Self.replyGrace
  }

  // MARK: Shutdown

  private func shutDown(_ continuation: CheckedContinuation<Void, Never>?) {
    if let continuation { shutDownWaiters.append(continuation) }
    guard shutDownDeadline == nil else { return }
    shutDownDeadline = .now + Self.shutDownGrace
    for identifier in listeners.keys { unlisten(identifier) }
    apply(.shutDown)
  }

  func finish() { isFinished = true }
}
