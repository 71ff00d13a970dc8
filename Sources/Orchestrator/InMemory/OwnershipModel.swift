/// What `OwnershipStatements` do.
extension StoreModel {
  func register(lease: Int64) -> Int64 {
    let process = Int64(fenced.count + 1)
    fenced[process] = false
    heartbeats[process] = Heartbeat(at: now, lease: lease, lowWater: .smallest)
    sessions.insert(process)
    observer?.registered(process: process)
    return process
  }

  /// - Returns: whether it was fenced off.
  func heartbeat(_ process: Int64) -> Bool {
    heartbeats[process]?.at = now
    return fenced[process] ?? true
  }

  var owners: [Int64?] { slots.map(\.process) }

  var members: [SlotAssignment.Member] {
    heartbeats.keys.sorted().filter { fenced[$0] == false }.map { SlotAssignment.Member(processID: $0, isAlive: isAlive($0)) }
  }

  private func isAlive(_ process: Int64) -> Bool {
    guard let heartbeat = heartbeats[process], heartbeat.at + heartbeat.lease > now else { return false }
    return heartbeat.at + 500_000 > now || sessions.contains(process)
  }

  /// Fences the processes off and frees their slots, in one transaction.
  func fence(_ dead: [Int64]) {
    for process in dead where fenced[process] == false {
      fenced[process] = true
      observer?.fenced(process: process)
    }
    for index in slots.indices {
      guard let process = slots[index].process, dead.contains(process) else { continue }
      slots[index].process = nil
      if let mark = heartbeats[process]?.lowWater { slots[index].lowWater = min(slots[index].lowWater, mark) }
      observer?.owned(slot: index, process: nil)
    }
    for process in dead { heartbeats[process] = nil }
  }

  func take(_ wanted: [Slot], by process: Int64) -> [(slot: Slot, lowWater: RunID)] {
    guard fenced[process] == false else { return [] }
    return wanted.compactMap { slot in
      let index = Int(slot.number)
      guard slots[index].process == nil || slots[index].process == process else { return nil }
      slots[index].process = process
      observer?.owned(slot: index, process: process)
      return (slot, slots[index].lowWater)
    }
  }

  func release(_ leaving: [Slot], lowWater: RunID, by process: Int64) {
    for slot in leaving where slots[Int(slot.number)].process == process {
      slots[Int(slot.number)].process = nil
      slots[Int(slot.number)].lowWater = min(slots[Int(slot.number)].lowWater, lowWater)
      observer?.owned(slot: Int(slot.number), process: nil)
    }
  }
}
