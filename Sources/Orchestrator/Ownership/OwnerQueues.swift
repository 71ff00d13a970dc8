/// Timers that are due soon, earliest first; what is due later stays in the database until its time comes near.
struct TimerQueue {
  private var heap: [TimerRow] = []
  private var known: Set<TimerRow> = []

  var nextDueAt: Int64? { heap.first?.dueAt }
  var count: Int { heap.count }

  mutating func insert(_ timer: TimerRow) {
    guard known.insert(timer).inserted else { return }
    heap.append(timer)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard Self.isEarlier(heap[child], heap[parent]) else { break }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  /// Forgets a timer that ended before its time: it is passed over when its turn comes.
  mutating func remove(_ timer: TimerRow) { known.remove(timer) }

  mutating func popDue(at now: Int64) -> TimerRow? {
    while let first = heap.first, first.dueAt <= now {
      removeFirst()
      if known.remove(first) != nil { return first }
    }
    return nil
  }

  private mutating func removeFirst() {
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      sink()
    }
  }

  mutating func removeAll(where isGone: (TimerRow) -> Bool) {
    let kept = heap.filter { known.contains($0) && !isGone($0) }
    heap = []
    known = []
    for timer in kept { insert(timer) }
  }

  private mutating func sink() {
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && Self.isEarlier(heap[child], heap[least]) { least = child }
      if least == parent { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }

  /// Total, so that equal times fire in one order everywhere.
  private static func isEarlier(_ left: TimerRow, _ right: TimerRow) -> Bool {
    if left.dueAt != right.dueAt { return left.dueAt < right.dueAt }
    if left.sequence != right.sequence { return left.sequence < right.sequence }
    return left.runID < right.runID
  }
}

/// Runs in order of use, least recent first. Using a run again leaves its old place behind, which is skipped later.
struct RecencyQueue {
  private var places: [(entry: RunID, stamp: Int)] = []
  private var head = 0
  private var lastStamp = 0

  mutating func use(_ entry: RunEntry) {
    lastStamp += 1
    entry.recency = lastStamp
    places.append((entry.runID, lastStamp))
  }

  /// Drops places left behind once they are most of the list; called now and then, or the list would grow with every event.
  mutating func compact(_ entries: [RunID: RunEntry]) {
    guard places.count - head > 2 * entries.count + 1024 else { return }
    places = places[head...].filter { entries[$0.entry]?.recency == $0.stamp }
    head = 0
  }

  /// The least recently used run that is still in memory.
  mutating func popLeastRecent(_ entries: [RunID: RunEntry]) -> RunEntry? {
    while head < places.count {
      let place = places[head]
      head += 1
      if head > 1024 && head * 2 > places.count {
        places.removeFirst(head)
        head = 0
      }
      if let entry = entries[place.entry], entry.recency == place.stamp { return entry }
    }
    return nil
  }
}
