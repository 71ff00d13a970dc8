/// What a schedule remembers from one look at it to the next.
struct ScheduleMemory: Equatable, Sendable {
  /// Seconds since the Unix epoch: nominal times up to here were dealt with.
  var cursor: Int64
  var isPaused = false
  var note = ""
  var remaining: Int64?
  var running: [TrackedRun] = []
  var buffered: [PendingStart] = []
  var backfills: [Backfill] = []
  var counts = Counts()

  /// Counted since the schedule was created.
  struct Counts: Equatable, Sendable {
    var actions: Int64 = 0
    /// Older than the catch-up window when they were seen.
    var missed: Int64 = 0
    /// Because of an open run, a pause, or no actions left.
    var skipped: Int64 = 0
    /// No room in the buffer.
    var dropped: Int64 = 0
  }
}

/// A run that a schedule started and that was open when it was last looked at.
struct TrackedRun: Codable, Equatable, Sendable {
  var workflowID: String
  var runID: RunID
  /// Asked to cancel already.
  var isCanceled: Bool?

  enum CodingKeys: String, CodingKey {
    case workflowID = "workflowId"
    case runID = "runId"
    case isCanceled = "canceled"
  }
}

/// A start that waits for its turn. `orchestrator.trigger_schedule` writes these too.
struct PendingStart: Codable, Equatable, Sendable {
  /// Microseconds since the Unix epoch.
  var nominal: Int64
  /// Nil for the schedule's own.
  var overlap: OverlapPolicy?
  /// By a person: neither a pause nor a limit of actions holds it back.
  var isManual: Bool?

  enum CodingKeys: String, CodingKey {
    case nominal, overlap
    case isManual = "manual"
  }
}

/// Times of the past that somebody asks for. `orchestrator.backfill_schedule` writes these too.
struct Backfill: Codable, Equatable, Sendable {
  /// Seconds since the Unix epoch: times up to here were dealt with.
  var after: Int64
  /// The last second.
  var through: Int64
  var overlap: OverlapPolicy
}

/// How a tracked run stands now.
enum TrackedStatus: Equatable, Sendable {
  /// Open; by another run id where it went on in a new run.
  case open(RunID)
  /// Closed, with Temporal's number of the status; nil where nothing is left of it.
  case closed(Int16?)
}

/// One look at a schedule: what is due, what may start, what must wait. Pure: rows in, rows out; nothing of it is done before all is written.
struct ScheduleLook {
  let times: ScheduleTimes
  let scheduleID: String
  /// Beginning of the workflow ids.
  let prefix: String
  let policies: SchedulePolicies
  /// Microseconds since the Unix epoch, by PostgreSQL's clock.
  let now: Int64
  let newRunID: () -> RunID

  private(set) var memory: ScheduleMemory
  private(set) var starts: [Start] = []
  private(set) var cancellations: [TrackedRun] = []
  private(set) var terminations: [TrackedRun] = []
  /// When to look again; nil when only a person can make something happen.
  private(set) var lookAt: Int64?
  private(set) var nextFireAt: Int64?
  private var isUnfinished = false

  /// A run that begins.
  struct Start: Equatable {
    let run: TrackedRun
    /// Microseconds since the Unix epoch.
    let nominal: Int64
  }

  init(
    _ times: ScheduleTimes, scheduleID: String, prefix: String, _ policies: SchedulePolicies, _ memory: ScheduleMemory, now: Int64,
    newRunID: @escaping () -> RunID = { RunID.generate() }
  ) {
    self.times = times
    self.scheduleID = scheduleID
    self.prefix = prefix
    self.policies = policies
    self.memory = memory
    self.now = now
    self.newRunID = newRunID
  }

  /// Microseconds after which a schedule that waits for a run is looked at again, should nobody see the run close.
  static let patience: Int64 = 30_000_000

  /// Decides everything that is due.
  mutating func decide(_ statuses: [RunID: TrackedStatus]) {
    refresh(statuses)
    let due = memory.buffered + timesOfBackfills() + timesUntilNow()
    memory.buffered = []
    for pending in withoutOvertaken(due) { resolve(pending) }
    planNextLook()
  }

  /// The runs whose close the schedule must hear of: starts wait for them, or a failure pauses it.
  var watched: [RunID] {
    let isWaiting = !memory.buffered.isEmpty || !memory.backfills.isEmpty || (policies.pauseOnFailure && !memory.isPaused)
    return isWaiting ? memory.running.map(\.runID) : []
  }

  private mutating func refresh(_ statuses: [RunID: TrackedStatus]) {
    memory.running = memory.running.compactMap { run in
      switch statuses[run.runID] {
      case .open(let runID)?: return TrackedRun(workflowID: run.workflowID, runID: runID, isCanceled: run.isCanceled)
      case .closed(let status)?:
        if policies.pauseOnFailure, !memory.isPaused, status == 3 || status == 7 {
          memory.isPaused = true
          memory.note = "paused: run \(run.runID) of \(run.workflowID) \(status == 3 ? "failed" : "timed out")"
        }
        return nil
      case nil: return run
      }
    }
  }

  /// Nominal times that have come since the last look, but those that are too old; a part of them when they are many.
  private mutating func timesUntilNow() -> [PendingStart] {
    guard !memory.isPaused, memory.remaining != 0 else {
      memory.cursor = max(memory.cursor, now.floored(by: 1_000_000))
      return []
    }
    var due: [PendingStart] = []
    let oldest = now - policies.catchupWindow.microseconds
    for _ in 0..<Limits.scheduleTimesPerLook {
      guard let next = times.next(after: memory.cursor, scheduleID: scheduleID), next.actual.microseconds <= now else { return due }
      guard due.count < Limits.scheduleStartsPerLook else { break }
      memory.cursor = next.nominalSeconds
      if next.actual.microseconds < oldest {
        memory.counts.missed += 1
      } else {
        due.append(PendingStart(nominal: next.nominal.microseconds))
      }
    }
    isUnfinished = true
    return due
  }

  /// The next times of backfills, as many as there is room for: none of them is dropped.
  private mutating func timesOfBackfills() -> [PendingStart] {
    var due: [PendingStart] = []
    while var backfill = memory.backfills.first, memory.buffered.count + due.count < Limits.scheduleStartsPerLook {
      guard let next = times.next(after: backfill.after, scheduleID: scheduleID), next.nominalSeconds <= backfill.through else {
        memory.backfills.removeFirst()
        continue
      }
      backfill.after = next.nominalSeconds
      memory.backfills[0] = backfill
      due.append(PendingStart(nominal: next.nominal.microseconds, overlap: backfill.overlap, isManual: true))
    }
    return due
  }

  /// Where a later start would end an earlier one at once, only the last is begun.
  private mutating func withoutOvertaken(_ due: [PendingStart]) -> [PendingStart] {
    func ends(_ pending: PendingStart) -> Bool { [.cancelOther, .terminateOther].contains(policy(of: pending)) }
    guard let last = due.lastIndex(where: ends) else { return due }
    let kept = due.enumerated().filter { $0.offset == last || !ends($0.element) }.map(\.element)
    memory.counts.skipped += Int64(due.count - kept.count)
    return kept
  }

  private func policy(of pending: PendingStart) -> OverlapPolicy { pending.overlap ?? policies.overlap }

  private mutating func resolve(_ pending: PendingStart) {
    let isHeldBack = pending.isManual != true && (memory.isPaused || memory.remaining == 0)
    guard !isHeldBack else {
      memory.counts.skipped += 1
      return
    }
    guard !memory.running.isEmpty else { return start(pending) }
    switch policy(of: pending) {
    case .allowAll: start(pending)
    case .skip: memory.counts.skipped += 1
    case .bufferOne:
      if memory.buffered.contains(where: { policy(of: $0) == .bufferOne }) {
        memory.counts.skipped += 1
      } else {
        memory.buffered.append(pending)
      }
    case .bufferAll:
      if memory.buffered.count < Limits.scheduleBuffer {
        memory.buffered.append(pending)
      } else {
        memory.counts.dropped += 1
      }
    case .cancelOther:
      cancelRunning()
      memory.buffered.append(pending)
    case .terminateOther:
      terminations += memory.running
      memory.running = []
      start(pending)
    }
  }

  private mutating func cancelRunning() {
    cancellations += memory.running.filter { $0.isCanceled != true }
    for index in memory.running.indices { memory.running[index].isCanceled = true }
  }

  private mutating func start(_ pending: PendingStart) {
    guard starts.count < Limits.scheduleStartsPerLook else {
      memory.buffered.append(pending)
      isUnfinished = true
      return
    }
    let run = TrackedRun(workflowID: "\(prefix)-\(Self.text(of: pending.nominal))", runID: newRunID())
    starts.append(Start(run: run, nominal: pending.nominal))
    memory.running.append(run)
    // Where runs may stand side by side, only the newest are remembered.
    if memory.running.count > Limits.scheduleRunning { memory.running.removeFirst() }
    memory.counts.actions += 1
    if pending.isManual != true, let remaining = memory.remaining { memory.remaining = remaining - 1 }
  }

  /// The workflow id of a start was in use: it did not begin, and counts as skipped.
  mutating func refuse(_ runID: RunID) {
    guard let start = starts.first(where: { $0.run.runID == runID }) else { return }
    starts.removeAll { $0 == start }
    memory.running.removeAll { $0.runID == runID }
    memory.counts.actions -= 1
    memory.counts.skipped += 1
  }

  private mutating func planNextLook() {
    let mayAct = !memory.isPaused && memory.remaining != 0
    nextFireAt = mayAct ? times.next(after: memory.cursor, scheduleID: scheduleID)?.actual.microseconds : nil
    lookAt = nextFireAt
    if !watched.isEmpty { lookAt = min(lookAt ?? .max, now + Self.patience) }
    let hasRoomForBackfill = !memory.backfills.isEmpty && memory.buffered.count < Limits.scheduleStartsPerLook
    if isUnfinished || hasRoomForBackfill { lookAt = now }
  }

  /// `2026-11-21T18:00:00Z`, with the microseconds where there are some.
  static func text(of nominal: Int64) -> String {
    let seconds = nominal.floored(by: 1_000_000)
    let text = CivilDate.text(ofUnixSeconds: seconds)
    let fraction = nominal - seconds * 1_000_000
    return fraction == 0 ? text : "\(text.dropLast()).\(CivilDate.padded(Int(fraction), 6))Z"
  }
}
