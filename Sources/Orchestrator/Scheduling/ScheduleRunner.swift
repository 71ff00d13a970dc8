import PostgreSQL

/// Acts on schedules that are due: each is looked at, its runs started and its row moved on in one transaction, so that a process that is killed
/// in between leaves nothing half-done, and nothing is started twice.
///
/// Every engine has one; the process that owns slot 0 does the work. Should two do it for a moment, each passes over the rows of the other.
actor ScheduleRunner {
  private let database: Database
  private let isElected: @Sendable () -> Bool
  private let onStarts: @Sendable () -> Void
  /// Specifications by their text: many schedules have the same.
  private var known: [String: ScheduleTimes] = [:]
  /// After a failure rows are taken one by one for so many looks, so that one that cannot be dealt with holds up nobody else.
  private var carefulLooks = 0
  private var taken: ScheduleKey?

  /// - Parameter onStarts: called after a commit that put messages into the inbox.
  init(_ database: Database, isElected: @escaping @Sendable () -> Bool, onStarts: @escaping @Sendable () -> Void) {
    self.database = database
    self.isElected = isElected
    self.onStarts = onStarts
  }

  /// The longest time between two looks into the table; also how late a schedule may be noticed that somebody else has just changed.
  private static let longestPause: Duration = .milliseconds(250)

  /// Runs until cancelled.
  func run() async {
    while !Task.isCancelled {
      var pause = Self.longestPause
      if isElected() {
        do {
          pause = try await pass()
        } catch is CancellationError {
          return
        } catch {
          Log.warning("schedules-failed", "\(error)")
          pause = .seconds(1)
        }
      }
      try? await Task.sleep(for: pause)
    }
  }

  /// Deals with everything that is due now.
  /// - Returns: how long nothing is due.
  private func pass() async throws -> Duration {
    let begun = ContinuousClock.now
    let outlook = try await database.query(ScheduleRunnerStatements.outlook)
    let price = ContinuousClock.now - begun
    let until = try outlook.optional(0, 0, outlook.int64).map { Duration.microseconds($0) } ?? Self.longestPause
    let hasClosed = try outlook.bool(0, 1)
    if until <= .zero { while try await lookOnce() > 0, !Task.isCancelled {} }
    if hasClosed { while try await lookOnce(ScheduleRunnerStatements.watching) > 0, !Task.isCancelled {} }
    // Rows that another runner holds are looked for again, not at once.
    if until <= .zero || hasClosed { return .milliseconds(5) }
    // Watching takes a twentieth of one session at most, however many schedules wait.
    return max(min(until, Self.longestPause), price * 20)
  }

  /// One transaction.
  /// - Returns: how many schedules were looked at.
  @discardableResult
  func lookOnce(_ statement: Statement = ScheduleRunnerStatements.due) async throws -> Int {
    let limit = carefulLooks > 0 ? 1 : Limits.schedulesPerLook
    taken = nil
    do {
      let (count, hasMessages) = try await database.transaction { transaction in
        try await self.look(transaction, try await transaction.query(statement, Parameters(Int64(limit))))
      }
      if hasMessages { onStarts() }
      carefulLooks = max(0, carefulLooks - 1)
      return count
    } catch {
      guard (error as? DatabaseError)?.isRetryable != true, !(error is CancellationError) else { throw error }
      if limit == 1, let taken { try await postpone(taken, "\(error)") }
      carefulLooks = Limits.schedulesPerLook
      throw error
    }
  }

  private func look(_ transaction: Transaction, _ rows: Rows) async throws -> (count: Int, hasMessages: Bool) {
    guard rows.count > 0 else { return (0, false) }
    taken = ScheduleKey(namespace: try rows.text(0, 0), scheduleID: try rows.text(0, 1))
    var batch = try ScheduleBatch(rows, times: times)
    var statuses: Rows?
    if let tracked = batch.tracked { statuses = try await transaction.query(ScheduleRunnerStatements.statuses, tracked) }
    try batch.decide(statuses)
    let (starts, endings) = (batch.starts, batch.endings)
    if let starts { try batch.settle(try await transaction.query(ScheduleRunnerStatements.start, starts)) }
    if let endings { _ = try await transaction.query(ScheduleRunnerStatements.end, endings) }
    _ = try await transaction.query(ScheduleRunnerStatements.remember, try batch.changes())
    for (key, problem) in batch.unreadable {
      _ = try await transaction.query(ScheduleRunnerStatements.postpone, Self.postponement(of: key, problem))
    }
    return (rows.count, starts != nil || endings != nil)
  }

  private func times(of specification: String) throws -> ScheduleTimes {
    if let times = known[specification] { return times }
    let times = try ScheduleTimes(
      try PayloadCodec.decode(ScheduleSpecification.self, from: Payload(json: Array(specification.utf8))))
    if known.count >= Limits.scheduleSpecifications { known.removeAll() }
    known[specification] = times
    return times
  }

  private func postpone(_ key: ScheduleKey, _ problem: String) async throws {
    _ = try await database.query(ScheduleRunnerStatements.postpone, Self.postponement(of: key, problem))
  }

  private static func postponement(of key: ScheduleKey, _ problem: String) -> Parameters {
    var parameters = Parameters(key.namespace, key.scheduleID, problem)
    parameters.appendInterval(microseconds: 60_000_000)
    return parameters
  }
}
