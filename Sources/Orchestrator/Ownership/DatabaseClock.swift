import Synchronization

/// PostgreSQL's clock as this process knows it: the machine's monotonic clock plus an offset measured with every heartbeat. All durable times
/// are this clock's; a process whose own calendar is wrong writes right times all the same.
final class DatabaseClock: Sendable {
  private let origin = ContinuousClock.now
  private let offset = Atomic<Int64>(0)

  /// Microseconds since the Unix epoch.
  func now() -> Int64 { elapsed + offset.load(ordering: .relaxed) }

  /// Microseconds of the monotonic clock, to measure a round trip with.
  var elapsed: Int64 { (ContinuousClock.now - origin).microseconds }

  /// The server said `time` somewhere between two readings of `elapsed`.
  func synchronize(serverTime time: Int64, sentAt: Int64, receivedAt: Int64) {
    let known = offset.load(ordering: .relaxed)
    offset.store(Self.offset(known: known, serverTime: time, sentAt: sentAt, receivedAt: receivedAt), ordering: .relaxed)
  }

  /// The offset after one more measurement: within the round trip's own uncertainty the known one is as good, and a clock that is not
  /// touched does not jump.
  static func offset(known: Int64, serverTime: Int64, sentAt: Int64, receivedAt: Int64) -> Int64 {
    let measured = serverTime - (sentAt + receivedAt) / 2
    return abs(measured - known) > (receivedAt - sentAt) / 2 ? measured : known
  }
}
