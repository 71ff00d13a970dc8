/// How a loop that works in batches waits between them: under load it lets some work gather, alone it goes at once. Pure.
struct WorkPace {
  private var gather = Duration.zero
  /// How long to wait for a wake-up before looking all the same: a lost one costs that much.
  private(set) var pause = shortestPause

  private static let shortestPause = Duration.milliseconds(20)
  private static let longestPause = Duration.milliseconds(500)
  /// A statement costs as much as some ten of its rows: waiting is worth it for many, and for one alone it is nothing.
  private static let gatherPerItem = Duration.microseconds(100)
  private static let longestGather = Duration.milliseconds(4)

  /// How long to let work gather after a batch of so many. Others may have taken all of the last one: the time fades, it does not end.
  mutating func gatherTime(after count: Int) -> Duration {
    pause = count > 0 ? Self.shortestPause : min(pause * 2, Self.longestPause)
    gather = max(gather / 2, min(Self.gatherPerItem * count, Self.longestGather))
    return gather < Self.gatherPerItem * 5 ? .zero : gather
  }
}
