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

  /// Messages delivered whose rows are not yet deleted by a commit, with their slots.
  private(set) var taken: [Int64: Slot] = [:]
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
  /// The oldest transaction that was open at the last read, and since when it is.
  private var oldest: (transaction: Int64, since: Int64) = (0, 0)
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
    let patience = now - oldest.since > Self.patience ? Self.patienceBesideStrangers : Self.patience
    settle { $0.at + patience <= now }
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
    let fresh = rows.filter { taken.updateValue($0.slot, forKey: $0.messageID) == nil }
    readEnded()
    if isStale {
      isStale = false
      return fresh
    }
    let isFull = rows.count >= Limits.inboxRead
    wantsRead = wantsRead || isFull
    position = isFull ? rows.last?.messageID : nil
    let firstOldest = oldestOpen ?? window?.oldestOpen
    oldestOpen = isFull ? firstOldest : nil
    guard let window, let firstOldest, let last = rows.last?.messageID else { return fresh }
    if window.oldestOpen != oldest.transaction { oldest = (window.oldestOpen, beganAt) }
    settle { $0.next <= firstOldest && (!isFull || $0.last <= last) }
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
    drop(goneMeanwhile)
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
      drop(messageIDs)
    }
  }

  private mutating func drop(_ messageIDs: some Sequence<Int64>) {
    for messageID in messageIDs { taken[messageID] = nil }
  }

  /// After slots came, or when something must have been overlooked: everything that was not delivered counts as unseen.
  mutating func startOver() {
    lowerFloor()
    wantsRead = true
  }

  private mutating func lowerFloor() {
    floor = 0
    marks = []
    restart()
  }

  /// These were not dealt with after all: the next read, whenever it is due, brings them again.
  mutating func forget(_ messageIDs: some Collection<Int64>) {
    guard !messageIDs.isEmpty else { return }
    drop(messageIDs)
    lowerFloor()
  }

  /// Nothing of these slots is dealt with here any more.
  mutating func forget(_ slots: Set<Slot>) {
    taken = taken.filter { !slots.contains($0.value) }
    startOver()
  }

  /// What was delivered may be lost.
  mutating func forgetAll() {
    taken = [:]
    startOver()
  }

  static let interval: Int64 = 100_000
  static let fullInterval: Int64 = 2_000_000
  /// How long a transaction is waited for.
  static let patience: Int64 = 1_000_000
  /// The same while one is open that took longer: behind it all that was read since would be read again and again.
  static let patienceBesideStrangers: Int64 = 50_000
}
