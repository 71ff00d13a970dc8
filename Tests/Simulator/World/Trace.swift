/// What happened, as one number that every run of the seed must give again, and as text when somebody reads along.
struct Trace {
  enum Kind: UInt8 {
    case boot, crash, freeze, thaw, leave, peace, end
    case round, effect, cut, request, lost
    case commit, refused, load, inbox, timers, openRuns
    case dispatch, outcome, cancel
    case lease, heartbeat, report, sweep
    case start, signal, cancelRun, terminate, command, answer, reply
  }

  private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  private(set) var lines: [String] = []
  private let isKept: Bool

  init(isKept: Bool) {
    self.isKept = isKept
  }

  mutating func note(_ kind: Kind, at time: Int64, _ subject: Int, _ number: Int64, _ text: @autoclosure () -> String) {
    mix(UInt64(kind.rawValue))
    mix(UInt64(bitPattern: time))
    mix(UInt64(bitPattern: Int64(subject)))
    mix(UInt64(bitPattern: number))
    guard isKept else { return }
    let seconds = String(time / 1_000_000) + "." + String(1_000_000 + time % 1_000_000).dropFirst()
    lines.append("\(seconds) \(kind) \(subject) \(number) \(text())")
  }

  private mutating func mix(_ value: UInt64) {
    hash = (hash ^ value) &* 0x100_0000_01b3
    hash ^= hash >> 29
  }
}
