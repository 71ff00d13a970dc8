/// How a process keeps its place among the owners: a round of requests to the database, one at a time, and what follows from the answers.
/// Pure: `OwnershipLoop` carries requests to PostgreSQL, a simulator to its model.
///
/// A round that breaks off in the middle leaves requests whose outcome is unknown. So what was released is said until it is confirmed, and
/// what the tables call ours but nobody here works on is taken again.
struct OwnershipSteps {
  enum Request: Equatable {
    case register
    case heartbeat(process: Int64)
    case release(process: Int64, slots: [Slot], lowWater: RunID)
    /// Slots first: whoever owns one then and is no member after that is fenced, and will not come back for it.
    case readAssignment
    /// A frozen process may hold its own row's lock in a half-sent batch: its sessions are ended before it is fenced.
    case endSessions([Int64])
    case fence([Int64])
    case take(process: Int64, slots: [Slot])
  }

  enum Answer {
    case registered(process: Int64)
    case heartbeat(isFenced: Bool)
    case assignment(owners: [Int64?], members: [SlotAssignment.Member])
    case taken([(slot: Slot, lowWater: RunID)])
    case done
  }

  /// What happens in this process.
  enum Effect: Equatable {
    case registered(process: Int64)
    /// Another process took over: everything of this registration is stale.
    case lost
    case take(slots: [Slot], lowWater: RunID)
    case release([Slot])
  }

  private(set) var process: Int64?
  /// Slots that were given to the owner and not asked back.
  private var given: Set<Slot> = []
  /// Slots asked back and not yet free for others.
  private var releasing: Set<Slot> = []
  /// Slots that the owner let go of, until the database knows.
  private var released: [(slots: [Slot], lowWater: RunID)] = []
  private var wasLost = false
  private var isLeaving = false
  private var requests: [Request] = []
  /// What the next answer is the answer to.
  private var asked: Request?
  private var effects: [Effect] = []

  /// The owner learned that it was fenced off.
  mutating func ownershipWasLost() {
    wasLost = true
  }

  /// The owner let go of slots of this registration.
  mutating func released(_ slots: [Slot], lowWater: RunID, of registration: Int64) {
    guard registration == process else { return }
    released.append((slots, lowWater))
  }

  /// Begins a round.
  /// - Parameter isLeaving: the process shuts down.
  mutating func begin(isLeaving: Bool = false) -> Request? {
    self.isLeaving = isLeaving
    requests = []
    asked = nil
    if wasLost { drop() }
    guard let process else { return isLeaving ? nil : .register }
    return .heartbeat(process: process)
  }

  /// Takes the answer to the last request.
  /// - Returns: the next request of this round.
  mutating func next(_ answer: Answer) -> Request? {
    switch answer {
    case .registered(let process):
      self.process = process
      effects.append(.registered(process: process))
      requests = [.readAssignment]
    case .heartbeat(isFenced: true):
      drop()
      return nil
    case .heartbeat:
      guard let process else { return nil }
      requests = released.map { .release(process: process, slots: $0.slots, lowWater: $0.lowWater) } + [.readAssignment]
    case .assignment(let owners, let members): decide(owners, members)
    case .taken(let slots): took(slots)
    case .done: confirm()
    }
    asked = requests.isEmpty ? nil : requests.removeFirst()
    return asked
  }

  mutating func takeEffects() -> [Effect] {
    defer { effects = [] }
    return effects
  }

  private mutating func confirm() {
    guard case .release(_, let slots, _)? = asked else { return }
    released.removeFirst()
    releasing.subtract(slots)
  }

  private mutating func decide(_ owners: [Int64?], _ members: [SlotAssignment.Member]) {
    guard let process else { return }
    let decision = SlotAssignment.decide(me: process, members: members, owners: owners, isLeaving: isLeaving)
    if !decision.fence.isEmpty { requests += [.endSessions(decision.fence), .fence(decision.fence)] }
    let forgotten = owners.indices.filter { owners[$0] == process }.map { Slot(Int16($0)) }
      .filter { !given.contains($0) && !releasing.contains($0) }
    let wanted = decision.take + (isLeaving ? [] : forgotten)
    if !wanted.isEmpty { requests.append(.take(process: process, slots: wanted.sorted())) }
    let leaving = decision.release.filter { given.contains($0) }
    guard !leaving.isEmpty else { return }
    given.subtract(leaving)
    releasing.formUnion(leaving)
    effects.append(.release(leaving))
  }

  private mutating func took(_ slots: [(slot: Slot, lowWater: RunID)]) {
    let new = slots.filter { given.insert($0.slot).inserted }
    let byMark = Dictionary(grouping: new, by: \.lowWater)
    for mark in byMark.keys.sorted() {
      effects.append(.take(slots: (byMark[mark] ?? []).map(\.slot).sorted(), lowWater: mark))
    }
  }

  private mutating func drop() {
    wasLost = false
    guard process != nil else { return }
    process = nil
    given = []
    releasing = []
    released = []
    effects.append(.lost)
  }
}
