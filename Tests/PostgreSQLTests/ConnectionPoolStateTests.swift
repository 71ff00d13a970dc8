import Testing

@testable import PostgreSQL

struct ConnectionPoolStateTests {
  private let start = ContinuousClock.now

  private func pool(_ maximum: Int = 2) -> ConnectionPoolState {
    ConnectionPoolState(maximumConnections: maximum, acquireTimeout: .seconds(10))
  }

  /// One row of a table: after so many milliseconds the event leads to exactly these actions.
  private typealias Step = (milliseconds: Int, event: ConnectionPoolState.Event, actions: [ConnectionPoolState.Action])

  private func check(_ pool: ConnectionPoolState, _ steps: [Step]) {
    var pool = pool
    for (index, step) in steps.enumerated() {
      let actions = pool.handle(step.event, at: start + .milliseconds(step.milliseconds))
      #expect(actions == step.actions, "step \(index)")
    }
  }

  @Test func `connections are made as requests come, up to the maximum, and serve in order`() {
    check(
      pool(),
      [
        (0, .request(1), [.connect(1)]),
        (0, .request(2), [.connect(2)]),
        (0, .request(3), []),
        (1, .connected(2), [.lease(request: 1, connection: 2)]),
        (1, .connected(1), [.lease(request: 2, connection: 1)]),
        (2, .released(1), [.lease(request: 3, connection: 1)]),
        (3, .released(2), []),
        (3, .request(4), [.lease(request: 4, connection: 2)]),
      ])
  }

  @Test func `a withdrawn request gets no connection`() {
    check(
      pool(1),
      [
        (0, .request(1), [.connect(1)]),
        (0, .request(2), []),
        (1, .withdraw(1), []),
        (2, .connected(1), [.lease(request: 2, connection: 1)]),
      ])
  }

  @Test func `after a failure one attempt at a time is made, later and later`() {
    check(
      pool(),
      [
        (0, .request(1), [.connect(1)]),
        (0, .request(2), [.connect(2)]),
        (1, .connectFailed(1, random: 0), []),
        (1, .connectFailed(2, random: 1), []),
        (100, .clock, []),
        (101, .clock, [.connect(3)]),
        (102, .connectFailed(3, random: 1), []),
        (301, .clock, []),
        (302, .clock, [.connect(4)]),
        (303, .connected(4), [.lease(request: 1, connection: 4), .connect(5)]),
      ])
  }

  @Test func `a broken connection is replaced when requests wait for it`() {
    check(
      pool(1),
      [
        (0, .request(1), [.connect(1)]),
        (0, .connected(1), [.lease(request: 1, connection: 1)]),
        (0, .request(2), []),
        (1, .ended(1), [.connect(2)]),
        (2, .connected(2), [.lease(request: 2, connection: 2)]),
        (3, .released(2), []),
        (4, .ended(2), []),
        (5, .request(3), [.connect(3)]),
      ])
  }

  @Test func `requests fail when their time is over, and only then`() {
    var pool = pool(1)
    _ = pool.handle(.request(1), at: start)
    _ = pool.handle(.request(2), at: start + .seconds(1))
    #expect(pool.nextDeadline == start + .seconds(10))
    #expect(pool.handle(.clock, at: start + .milliseconds(9_999)).isEmpty)
    #expect(pool.handle(.clock, at: start + .seconds(10)) == [.fail(request: 1, .timedOut)])
    #expect(pool.handle(.connected(1), at: start + .milliseconds(10_500)) == [.lease(request: 2, connection: 1)])
    #expect(pool.nextDeadline == nil)
  }

  @Test func `the number of waiting requests is bounded`() {
    var pool = pool(1)
    for request in 1...UInt64(ConnectionPoolState.maximumWaiting) { _ = pool.handle(.request(request), at: start) }
    #expect(pool.handle(.request(0), at: start) == [.fail(request: 0, .tooManyWaiting)])
  }

  @Test func `a shutdown fails what waits, lets what runs end, and finishes once`() {
    check(
      pool(3),
      [
        (0, .request(1), [.connect(1)]),
        (0, .request(2), [.connect(2)]),
        (1, .connected(1), [.lease(request: 1, connection: 1)]),
        (1, .connected(2), [.lease(request: 2, connection: 2)]),
        (1, .released(2), []),
        (1, .request(3), [.lease(request: 3, connection: 2)]),
        (1, .released(2), []),
        (2, .request(4), [.lease(request: 4, connection: 2)]),
        (2, .request(5), [.connect(3)]),
        (3, .shutDown, [.fail(request: 5, .shutDown)]),
        (4, .request(6), [.fail(request: 6, .shutDown)]),
        (5, .connected(3), [.close(3)]),
        (6, .released(2), [.close(2)]),
        (7, .released(1), [.close(1), .finished]),
        (8, .shutDown, []),
      ])
  }

  @Test func `delays double up to a limit and never fall below half of it`() {
    for (failures, milliseconds) in [(0, 50), (1, 100), (6, 3_200), (7, 5_000), (100, 5_000)] {
      let full = Duration.milliseconds(milliseconds)
      #expect(ConnectionPoolState.retryDelay(failures: failures, random: 1) == full)
      #expect(ConnectionPoolState.retryDelay(failures: failures, random: 0) == full / 2)
    }
  }
}
