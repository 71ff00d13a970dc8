/// What is known of the inbox: messages taken and not yet gone, and where the next read begins. Pure.
///
/// Identifiers are drawn in order, but their transactions end in any order: of two senders the one with the later identifiers may commit
/// first. So a read begins behind the last message seen only when every transaction that may have drawn an earlier identifier has ended.
struct InboxReader {
  /// Up to here messages were seen while these transactions were open.
  private struct Mark {
    let last: Int64
    /// Transactions below may have drawn earlier identifiers.
    let next: Int64
    let at: Int64
  }

  /// Messages delivered whose rows are not yet deleted by a commit.
  private(set) var taken: Set<Int64> = []
  private(set) var isReading = false
  private(set) var wantsRead = false
  /// Nothing new comes below, but from transactions that were given up waiting for: now and then all pages are read again from 0 for those.
  private var floor: Int64 = 0
  private var marks: [Mark] = []
  /// Behind the last page of a pass that goes on.
  private var position: Int64?
  /// What the first page of the pass saw of transactions holds for all of it.
  private var oldestOpen: Int64?
  /// The read under way was begun for something else by now.
  private var isStale = false
  /// Deleted while a read was under way that may still bring them.
  private var goneMeanwhile: [Int64] = []
  private var beganAt: Int64 = 0
  private var nextFullReadAt: Int64 = 0
  private var nextReadAt: Int64 = 0

  /// When the next read is due; none while one is under way.
  var dueAt: Int64 { isReading ? .max : wantsRead ? 0 : nextReadAt }

  mutating func wake() {
    wantsRead = true
  }

  /// Begins a read when one is due: where from, or nil.
  mutating func begin(at now: Int64) -> Int64? {
    guard !isReading, wantsRead || now >= nextReadAt else { return nil }
    isReading = true
    wantsRead = false
    beganAt = now
    nextReadAt = now + Self.interval
    settle { $0.at + Self.patience <= now }
    if now >= nextFullReadAt {
      nextFullReadAt = now + Self.fullInterval
      position = 0
      oldestOpen = nil
    }
    return position ?? floor
  }

  /// Ends a read; the rows that are new.
  mutating func end(_ rows: [InboxRow], _ window: TransactionWindow?) -> [InboxRow] {
    guard isReading else { return [] }
    let fresh = rows.filter { taken.insert($0.messageID).inserted }
    readEnded()
    if isStale {
      isStale = false
      return fresh
    }
    let isFull = rows.count >= Limits.inboxRead
    wantsRead = wantsRead || isFull
    position = isFull ? rows.last?.messageID : nil
    let oldest = oldestOpen ?? window?.oldestOpen
    oldestOpen = isFull ? oldest : nil
    guard let window, let oldest, let last = rows.last?.messageID else { return fresh }
    settle { $0.next <= oldest && (!isFull || $0.last <= last) }
    if last > max(floor, marks.last?.last ?? 0) { marks.append(Mark(last: last, next: window.next, at: beganAt)) }
    return fresh
  }

  /// Passes marks below which nothing new is expected.
  private mutating func settle(_ isSettled: (Mark) -> Bool) {
    let count = marks.prefix(while: isSettled).count
    guard count > 0 else { return }
    floor = max(floor, marks[count - 1].last)
    marks.removeFirst(count)
  }

  mutating func failed() {
    readEnded()
    isStale = false
    restart()
  }

  private mutating func readEnded() {
    isReading = false
    taken.subtract(goneMeanwhile)
    goneMeanwhile = []
  }

  private mutating func restart() {
    position = nil
    oldestOpen = nil
    isStale = isReading
  }

  mutating func gone(_ messageIDs: [Int64]) {
    if isReading {
      goneMeanwhile.append(contentsOf: messageIDs)
    } else {
      taken.subtract(messageIDs)
    }
  }

  /// After slots came or a run was given up: everything counts as unseen.
  mutating func startOver(keeping isKept: (Int64) -> Bool = { _ in true }) {
    taken = taken.filter(isKept)
    floor = 0
    marks = []
    restart()
    wantsRead = true
  }

  mutating func forget(_ messageIDs: some Sequence<Int64>) {
    taken.subtract(messageIDs)
    floor = 0
    marks = []
    restart()
  }

  static let interval: Int64 = 100_000
  static let fullInterval: Int64 = 2_000_000
  /// How long a transaction is waited for: behind somebody's that stays open for long, all that was read since would be read again.
  static let patience: Int64 = 200_000
}
