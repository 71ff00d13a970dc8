import Testing

@testable import Orchestrator

/// What a look decides, without a database: overlaps, what was missed, pauses, limits, backfills.
@Suite struct ScheduleLookTests {
  private static let second: Int64 = 1_000_000
  /// 2026-11-21T18:00:00Z.
  private static let start: Int64 = 1_795_284_000

  /// A schedule of every minute, looked at so many seconds after `start`, where everything before was dealt with.
  private static func look(
    _ policies: SchedulePolicies, at seconds: Int64, _ memory: ScheduleMemory? = nil, _ statuses: [RunID: TrackedStatus] = [:],
    cron: String = "* * * * *"
  ) throws -> ScheduleLook {
    var look = ScheduleLook(
      try ScheduleTimes(ScheduleSpecification(cronExpressions: [cron])), scheduleID: "s", prefix: "run", policies,
      memory ?? ScheduleMemory(cursor: start), now: (start + seconds) * second)
    look.decide(statuses)
    return look
  }

  private static func names(_ look: ScheduleLook) -> [String] { look.starts.map { String($0.run.workflowID.dropFirst(15).prefix(5)) } }

  @Test func `a time that has come starts a run named after it, and the next is planned`() throws {
    let look = try Self.look(SchedulePolicies(), at: 61)
    #expect(look.starts.map(\.run.workflowID) == ["run-2026-11-21T18:01:00Z"])
    #expect(look.memory.running == look.starts.map(\.run) && look.memory.counts.actions == 1)
    #expect(look.lookAt == (Self.start + 120) * Self.second && look.nextFireAt == look.lookAt && look.watched.isEmpty)
    let early = try Self.look(SchedulePolicies(), at: 59)
    #expect(early.starts.isEmpty && early.lookAt == (Self.start + 60) * Self.second)
  }

  @Test(
    "Each overlap policy does what it says while a run is open",
    arguments: [
      (OverlapPolicy.skip, [], 0, 3, 0, 0), (.bufferOne, [], 1, 2, 0, 0), (.bufferAll, [], 3, 0, 0, 0), (.cancelOther, [], 1, 2, 1, 0),
      (.terminateOther, ["18:04"], 0, 2, 0, 1), (.allowAll, ["18:02", "18:03", "18:04"], 0, 0, 0, 0),
    ])
  func overlap(_ policy: OverlapPolicy, _ starts: [String], _ buffered: Int, _ skipped: Int64, _ cancelled: Int, _ terminated: Int) throws {
    let first = try Self.look(SchedulePolicies(overlap: policy), at: 60)
    let open: [RunID: TrackedStatus] = [first.starts[0].run.runID: .open(first.starts[0].run.runID)]
    let look = try Self.look(SchedulePolicies(overlap: policy), at: 245, first.memory, open)
    #expect(Self.names(look) == starts)
    #expect(look.memory.buffered.count == buffered && look.memory.counts.skipped == skipped)
    #expect(look.cancellations.count == cancelled && look.terminations.count == terminated)
    #expect(look.watched == (buffered > 0 ? [first.starts[0].run.runID] : []))
    // Asked once to cancel, it is not asked again; when it has closed, what waits begins in order.
    let again = try Self.look(SchedulePolicies(overlap: policy), at: 250, look.memory, open)
    #expect(again.starts.isEmpty && again.cancellations.isEmpty && again.memory.buffered.count == buffered)
    let closed = try Self.look(SchedulePolicies(overlap: policy), at: 255, look.memory, [first.starts[0].run.runID: .closed(2)])
    #expect(closed.starts.count == min(buffered, 1) && closed.memory.buffered.count == max(0, buffered - 1))
    if policy == .cancelOther { #expect(Self.names(closed) == ["18:04"]) }
    if policy == .bufferOne || policy == .bufferAll { #expect(Self.names(closed) == ["18:02"]) }
  }

  @Test func `a run that goes on in another run is open still`() throws {
    let first = try Self.look(SchedulePolicies(), at: 60)
    let successor = RunID.generate()
    let look = try Self.look(SchedulePolicies(), at: 120, first.memory, [first.starts[0].run.runID: .open(successor)])
    #expect(look.starts.isEmpty && look.memory.running.map(\.runID) == [successor])
  }

  @Test func `what was missed is made up for within the catch-up window and counted beyond it`() throws {
    var look = try Self.look(SchedulePolicies(overlap: .allowAll, catchupWindow: .minutes(3)), at: 600)
    #expect(Self.names(look) == ["18:07", "18:08", "18:09", "18:10"] && look.memory.counts.missed == 6)
    // A long stop is dealt with in parts, each followed by the next at once.
    look = try Self.look(SchedulePolicies(overlap: .allowAll), at: 86_400)
    #expect(look.starts.count == Limits.scheduleStartsPerLook && look.lookAt == look.now)
    var (started, looks) = (look.starts.count, 1)
    while look.lookAt == look.now {
      look = try Self.look(SchedulePolicies(overlap: .allowAll), at: 86_400, look.memory)
      (started, looks) = (started + look.starts.count, looks + 1)
    }
    #expect(started == 1440 && looks == 15)
    let long = try Self.look(SchedulePolicies(catchupWindow: .minutes(1)), at: 864_000)
    #expect(long.memory.counts.missed == Int64(Limits.scheduleTimesPerLook) && long.lookAt == long.now)
  }

  @Test func `times pass while a schedule is paused, but not what people ask for`() throws {
    var memory = ScheduleMemory(cursor: Self.start, isPaused: true)
    memory.buffered = [PendingStart(nominal: Self.start * Self.second + 5, overlap: .allowAll, isManual: true)]
    let look = try Self.look(SchedulePolicies(), at: 600, memory)
    #expect(look.starts.map(\.run.workflowID) == ["run-2026-11-21T18:00:00.000005Z"])
    #expect(look.memory.cursor == Self.start + 600 && look.lookAt == nil && look.nextFireAt == nil)
  }

  @Test(arguments: [(Int16(3), true), (7, true), (2, false), (4, false), (5, false)])
  func `a run that fails or times out pauses the schedule when it is told to`(status: Int16, isPaused: Bool) throws {
    let policies = SchedulePolicies(overlap: .bufferOne, pauseOnFailure: true)
    let first = try Self.look(policies, at: 60)
    let runID = first.starts[0].run.runID
    #expect(first.watched == [runID])
    let look = try Self.look(policies, at: 120, first.memory, [runID: .closed(status)])
    #expect(look.memory.isPaused == isPaused && look.starts.isEmpty == isPaused)
    #expect(look.memory.note.contains(runID.description) == isPaused)
    #expect(try Self.look(SchedulePolicies(), at: 120, first.memory, [runID: .closed(status)]).memory.isPaused == false)
  }

  @Test func `actions are limited, and triggers do not count`() throws {
    var memory = ScheduleMemory(cursor: Self.start, remaining: 2)
    memory.buffered = [PendingStart(nominal: Self.start * Self.second + 5, overlap: .allowAll, isManual: true)]
    let look = try Self.look(SchedulePolicies(overlap: .allowAll), at: 245, memory)
    #expect(look.starts.count == 3 && look.memory.remaining == 0 && look.lookAt == nil)
    let later = try Self.look(SchedulePolicies(overlap: .allowAll), at: 600, look.memory)
    #expect(later.starts.isEmpty && later.lookAt == nil)
  }

  @Test func `a backfill starts each time of its span in order, however many they are, and drops none`() throws {
    var memory = ScheduleMemory(cursor: Self.start)
    memory.backfills = [Backfill(after: Self.start - 36_000, through: Self.start - 60, overlap: .bufferAll)]
    var nominals: [Int64] = []
    var looks = 0
    var look = try Self.look(SchedulePolicies(), at: 1, memory)
    while true {
      nominals += look.starts.map(\.nominal)
      looks += 1
      if look.memory.running.isEmpty || looks > 5000 { break }
      #expect(look.memory.buffered.count <= Limits.scheduleStartsPerLook)
      let statuses: [RunID: TrackedStatus] = look.lookAt == look.now ? [:] : [look.memory.running[0].runID: .closed(2)]
      look = try Self.look(SchedulePolicies(), at: 1, look.memory, statuses)
    }
    #expect(nominals.count == 599 && nominals == nominals.sorted() && look.memory.counts.dropped == 0)
  }

  @Test func `the buffer has an end, and what does not fit is counted`() throws {
    var memory = ScheduleMemory(cursor: Self.start)
    memory.running = [TrackedRun(workflowID: "run-x", runID: .generate())]
    var look = try Self.look(SchedulePolicies(overlap: .bufferAll), at: 90_000, memory)
    while look.lookAt == look.now { look = try Self.look(SchedulePolicies(overlap: .bufferAll), at: 90_000, look.memory) }
    #expect(look.memory.buffered.count == Limits.scheduleBuffer && look.memory.counts.dropped == 1500 - Int64(Limits.scheduleBuffer))
  }

  @Test func `a start whose workflow id is in use counts as skipped`() throws {
    var look = try Self.look(SchedulePolicies(), at: 60)
    look.refuse(look.starts[0].run.runID)
    #expect(
      look.starts.isEmpty && look.memory.running.isEmpty && look.memory.counts == .init(actions: 0, missed: 0, skipped: 1, dropped: 0))
  }
}
