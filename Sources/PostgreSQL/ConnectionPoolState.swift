/// Which connection serves which request. Pure: events in, actions out; the reactor performs them.
///
/// | connection | event         | becomes                                           |
/// |------------|---------------|---------------------------------------------------|
/// | (none)     | request       | connecting, while fewer than the maximum          |
/// | connecting | connected     | leased to the first waiting request, else idle    |
/// | connecting | connectFailed | gone; the next attempt waits for a jittered delay |
/// | idle       | request       | leased                                            |
/// | leased     | released      | leased to the next request, else idle             |
/// | any        | ended         | gone; replaced when requests wait                 |
/// | any        | shutDown      | idle ones close, leased ones when released        |
struct ConnectionPoolState {
  typealias Instant = ContinuousClock.Instant

  enum Event {
    case request(UInt64)
    case withdraw(UInt64)
    case connected(Int)
    /// `random` is in 0..<1 and spreads the retries of many processes.
    case connectFailed(Int, random: Double)
    case released(Int)
    case ended(Int)
    case clock
    case shutDown
  }

  enum Action: Equatable {
    case connect(Int)
    case lease(request: UInt64, connection: Int)
    case fail(request: UInt64, Reason)
    case close(Int)
    /// The last connection is gone after a shutdown.
    case finished
  }

  enum Reason: Equatable { case timedOut, tooManyWaiting, shutDown }

  private enum Connection { case connecting, idle, leased }

  private struct Waiter {
    let request: UInt64
    let deadline: Instant
  }

  static let maximumWaiting = 10_000
  static let firstRetryDelay = Duration.milliseconds(50)
  static let longestRetryDelay = Duration.seconds(5)

  private let maximumConnections: Int
  private let acquireTimeout: Duration
  private var connections: [Int: Connection] = [:]
  /// Last used last: a small number of connections stays warm.
  private var idle: [Int] = []
  private var waiters: [Waiter] = []
  private var nextConnection = 1
  private var failures = 0
  private var retryAt: Instant?
  private(set) var isShuttingDown = false
  private var isFinished = false

  init(maximumConnections: Int, acquireTimeout: Duration) {
    self.maximumConnections = maximumConnections
    self.acquireTimeout = acquireTimeout
  }

  /// When `clock` must come at the latest, nil when nothing waits for time.
  var nextDeadline: Instant? {
    guard let first = waiters.first?.deadline else { return nil }
    return retryAt.map { min($0, first) } ?? first
  }

  mutating func handle(_ event: Event, at now: Instant) -> [Action] {
    var actions: [Action] = []
    switch event {
    case .request(let request): add(request, now, &actions)
    case .withdraw(let request): waiters.removeAll { $0.request == request }
    case .connected(let connection):
      failures = 0
      retryAt = nil
      makeIdle(connection, &actions)
    case .connectFailed(let connection, let random):
      connections[connection] = nil
      retryAt = now + Self.retryDelay(failures: failures, random: random)
      failures += 1
    case .released(let connection): makeIdle(connection, &actions)
    case .ended(let connection):
      connections[connection] = nil
      idle.removeAll { $0 == connection }
    case .clock: expire(now, &actions)
    case .shutDown: shutDown(&actions)
    }
    serve(&actions)
    connect(now, &actions)
    finish(&actions)
    return actions
  }

  private mutating func add(_ request: UInt64, _ now: Instant, _ actions: inout [Action]) {
    if isShuttingDown {
      actions.append(.fail(request: request, .shutDown))
    } else if waiters.count >= Self.maximumWaiting {
      actions.append(.fail(request: request, .tooManyWaiting))
    } else {
      waiters.append(Waiter(request: request, deadline: now + acquireTimeout))
    }
  }

  private mutating func makeIdle(_ connection: Int, _ actions: inout [Action]) {
    guard connections[connection] != nil else { return }
    if isShuttingDown {
      connections[connection] = nil
      actions.append(.close(connection))
    } else {
      connections[connection] = .idle
      idle.append(connection)
    }
  }

  private mutating func serve(_ actions: inout [Action]) {
    let served = min(waiters.count, idle.count)
    for waiter in waiters.prefix(served) {
      let connection = idle.removeLast()
      connections[connection] = .leased
      actions.append(.lease(request: waiter.request, connection: connection))
    }
    waiters.removeFirst(served)
  }

  /// As many attempts as requests wait, but a single one while the server does not accept connections.
  private mutating func connect(_ now: Instant, _ actions: inout [Action]) {
    if let retryAt, retryAt > now { return }
    retryAt = nil
    let wanted = failures > 0 ? min(1, waiters.count) : waiters.count
    var connecting = connections.values.count { $0 == .connecting }
    while connecting < wanted, connections.count < maximumConnections {
      connections[nextConnection] = .connecting
      actions.append(.connect(nextConnection))
      nextConnection += 1
      connecting += 1
    }
  }

  private mutating func expire(_ now: Instant, _ actions: inout [Action]) {
    // All requests wait equally long: the first in line expires first.
    while let first = waiters.first, first.deadline <= now {
      actions.append(.fail(request: first.request, .timedOut))
      waiters.removeFirst()
    }
  }

  private mutating func shutDown(_ actions: inout [Action]) {
    isShuttingDown = true
    for waiter in waiters { actions.append(.fail(request: waiter.request, .shutDown)) }
    waiters.removeAll()
    for connection in idle {
      connections[connection] = nil
      actions.append(.close(connection))
    }
    idle.removeAll()
  }

  private mutating func finish(_ actions: inout [Action]) {
    guard isShuttingDown, connections.isEmpty, !isFinished else { return }
    isFinished = true
    actions.append(.finished)
  }

  /// Doubles with each failure up to the longest; the random half keeps processes from returning in step.
  static func retryDelay(failures: Int, random: Double) -> Duration {
    let delay = min(longestRetryDelay, firstRetryDelay * (1 << min(failures, 10)))
    return delay * (0.5 + random / 2)
  }
}
