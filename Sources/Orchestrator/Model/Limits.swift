/// Every limit of the engine, with its unit and its reason.
public enum Limits {
  /// UTF-8 bytes of a workflow id, a name of a type, signal or task queue: they stand in index keys.
  public static let nameBytes = 255
  /// Bytes of one encoded payload: larger values belong into the object store, a history is read again at every replay.
  public static let payloadBytes = 2 * 1024 * 1024
  /// Bytes of a value from which on it lies beside the history, by default: a row larger than a quarter of a page leaves it anyway.
  public static let largeValueBytes = 32 * 1024
  /// Large values that retention looks at by one transaction.
  public static let largeValuesPerRemoval = 200
  /// Events of one history: past it the run fails with a clear error; a history is replayed as a whole.
  public static let historyEvents = 50_000
  /// Arrays and objects inside each other in a payload from outside: Foundation's decoder refuses more.
  public static let payloadDepth = 500
  /// Bytes of one number in a payload from outside, with at most four digits of exponent: jsonb holds it exactly.
  public static let numberBytes = 300
  /// Commands one event may cause: a loop that schedules without end is stopped here.
  public static let commandsPerActivation = 10_000
  /// Jobs of the Swift runtime one event may cause: a loop that only yields is stopped here.
  public static let jobsPerActivation = 200_000
  /// Calls refused with `CancellationError` in one activation before code that swallows them is left suspended.
  public static let refusalsPerActivation = 1000
  /// Updates of one run whose handlers have not ended: more are rejected until one has.
  public static let openUpdates = 100
  /// Milliseconds of the longest timer, timeout and delay (1000 years): times computed from it fit their types.
  public static let durationMilliseconds: Int64 = 1000 * 365 * 86_400 * 1000
  /// Events of a history after which a run is told that it should continue as new.
  public static let continueAsNewSuggestion: Int32 = 4096
  /// Requests that a run hands on to the one that continues it: a signal that is sent again after that many others counts twice.
  public static let carriedRequests = 256
  /// Bytes of signals without a receiver that a run hands on: one that has more fails instead of continuing as new.
  public static let carriedSignalBytes = 16 * 1024 * 1024
  /// Runs of a chain that may follow each other without one that waits for anything: the next is blocked for a while.
  public static let continuationsAtOnce = 100
  /// Resets from which a run may come, one of another: its start event tells of each.
  public static let resets = 100
  /// Nested causes kept of a failure.
  public static let failureDepth = 8
  /// UTF-8 bytes kept of a failure's message.
  public static let failureMessageBytes = 4096
  /// UTF-8 bytes kept of a failure's stack trace.
  public static let failureStackBytes = 16_384
  /// UTF-8 bytes of a fairness key: it stands in an index.
  public static let fairnessKeyBytes = 64
  /// Rows after which a batch is sealed: more gained nothing when measured.
  public static let rowsPerBatch = 500
  /// Batches in flight on the owner's connection: with two the server never waits for us, a third was slower.
  public static let batchesInFlight = 2
  /// Messages taken from the inbox by one read.
  public static let inboxRead = 1000
  /// Tasks that a worker leases by one statement: more would take them from workers that are idle.
  public static let tasksPerLease = 100
  /// Runs whose histories are asked for by one read.
  public static let runsPerRead = 200
  /// Ended runs that retention looks at by one read.
  public static let retentionPage = 5000
  /// History rows that retention removes by one transaction, which takes some 20 ms; a longer history goes alone.
  public static let retentionRows = 5000
  /// Pauses of activities that owners know of, the oldest first.
  public static let activityPauses = 10_000
  /// Runs of one batch: they are written down by one transaction.
  public static let batchRuns = 1_000_000
  /// Runs that a batch deals with by one transaction.
  public static let batchPage = 100
  /// Refused operations of a batch that are kept with their reasons; the others are counted.
  public static let batchFailures = 1000
  /// UTF-8 bytes of a query for runs.
  public static let queryBytes = 8192
  /// Names and values in a query for runs: each is a condition that the database checks.
  public static let queryTerms = 200
  /// Parentheses and NOTs inside each other in a query for runs.
  public static let queryDepth = 32
  /// Bytes of one search attribute as JSON: what people search for, not what they store.
  public static let searchAttributeBytes = 2048
  /// Bytes of all search attributes of a run as JSON.
  public static let searchAttributesBytes = 40_960
  /// Bytes of a memo: it is read with the start event at every replay.
  public static let memoBytes = 65_536
  /// Seconds one activation may compute before it is reported as blocked code.
  public static let blockedCode: Duration = .seconds(2)
  /// Attempts of one activity that may die with their process before it counts as what kills it.
  public static let workerLosses: Int32 = 20
  /// Calendars, intervals, cron expressions and exclusions of one schedule together.
  public static let scheduleParts = 100
  /// Ranges of one field of a calendar.
  public static let scheduleRanges = 60
  /// Excluded times, hours or days that the search for a schedule's next time passes over before it gives up.
  public static let scheduleSearchSteps = 10_000
  /// Starts of one schedule that wait for its open run.
  public static let scheduleBuffer = 1000
  /// Open runs that one schedule remembers, where its policy lets them stand side by side.
  public static let scheduleRunning = 100
  /// Runs that one schedule starts by one transaction: the rest comes with the next.
  public static let scheduleStartsPerLook = 100
  /// Times of one schedule that one transaction counts as missed: the rest comes with the next.
  public static let scheduleTimesPerLook = 1000
  /// Schedules that are dealt with by one transaction.
  public static let schedulesPerLook = 500
  /// Different specifications that a process keeps ready for search.
  static let scheduleSpecifications = 1000
  /// Microseconds ahead of their time that timers are held in memory.
  static let timerHorizon: Int64 = 60_000_000
  /// Microseconds a quiet run stays unparked: shorter waits cost no row.
  static let parkAfter: Int64 = 1_000_000
}
