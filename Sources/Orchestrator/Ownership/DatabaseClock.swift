import Glibc
import Synchronization

/// PostgreSQL's clock as this process knows it: the machine's monotonic clock plus an offset measured with every heartbeat. All durable times
/// are this clock's; a process whose own calendar is wrong writes right times all the same.
final class DatabaseClock: Sendable {
  private let offset = Atomic<Int64>(0)

  /// Microseconds since the Unix epoch.
  func now() -> Int64 { elapsed + offset.load(ordering: .relaxed) }

  /// Microseconds of the monotonic clock, to measure a round trip with.
  var elapsed: Int64 { MonotonicClock.microseconds }

  /// Both at once: the monotonic clock, and PostgreSQL's time.
  var reading: (elapsed: Int64, now: Int64) {
    let elapsed = elapsed
    return (elapsed, elapsed + offset.load(ordering: .relaxed))
  }

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

/// The machine's clock that nobody sets, in whole numbers: it is read several times for every step.
enum MonotonicClock {
  /// Since the machine started, also while it slept.
  static var microseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
  }
}
