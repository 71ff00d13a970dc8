/// Which process owns which slot: pure, from what the tables say to what this process does about it.
struct SlotAssignment: Equatable {
  /// One process as the others see it.
  struct Member: Equatable {
    let processID: Int64
    /// Its heartbeat is in time, or its session's lock is held.
    let isAlive: Bool
  }

  /// Processes that are dead: to fence off, so that their slots become free.
  var fence: [Int64] = []
  /// Free slots, or slots of the fenced, to take.
  var take: [Slot] = []
  /// Own slots to give up for others.
  var release: [Slot] = []

  /// - Parameters:
  ///   - owners: for every slot its process, or nil.
  ///   - isLeaving: this process shuts down.
  static func decide(me: Int64, members: [Member], owners: [Int64?], isLeaving: Bool = false) -> SlotAssignment {
    var assignment = SlotAssignment()
    let alive = members.filter { $0.isAlive && !($0.processID == me && isLeaving) }.map(\.processID).sorted()
    // Dead, or fenced off and so no member any more. Without slots too: nobody else would ever clear them away.
    let known = Set(owners.compactMap { $0 }).union(members.map(\.processID))
    let dead = known.subtracting(members.filter(\.isAlive).map(\.processID)).subtracting([me])
    assignment.fence = dead.sorted()
    let mine = owners.indices.filter { owners[$0] == me }
    guard let place = alive.firstIndex(of: me) else {
      assignment.release = mine.map { Slot(Int16($0)) }
      return assignment
    }
    // Even shares; the first processes have one more where the number does not divide.
    let share = owners.count / alive.count + (place < owners.count % alive.count ? 1 : 0)
    if mine.count > share {
      assignment.release = mine.suffix(mine.count - share).map { Slot(Int16($0)) }
    } else {
      let free = owners.indices.filter { index in owners[index].map(dead.contains) ?? true }
      assignment.take = free.prefix(share - mine.count).map { Slot(Int16($0)) }
    }
    return assignment
  }
}
