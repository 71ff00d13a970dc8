import PostgreSQL

/// Finds leases that ended without a word and tasks past their deadlines, and gives them their next attempt or their last word. Any number
/// of processes may sweep: locked rows are skipped.
struct TaskSweeper: Sendable {
  private let database: Database
  private let wakeUp: WakeUp

  init(_ database: Database, _ wakeUp: WakeUp) {
    self.database = database
    self.wakeUp = wakeUp
  }

  /// Sweeps until cancelled.
  func run(every interval: Duration = .milliseconds(500)) async {
    var round = 0
    while !Task.isCancelled {
      do {
        if round % 20 == 0 { try await settlePauses() }
        round += 1
        while try await sweepOnce() >= 100 {}
        while try await orderOnce() >= 1000 {}
      } catch is CancellationError {
        return
      } catch {
        Log.warning("sweep-failed", "\(error)")
      }
      try? await Task.sleep(for: interval)
    }
  }

  /// Puts what came into queues with an order into its place, also while no worker has room.
  /// - Returns: how many tasks.
  func orderOnce() async throws -> Int { Int(try await database.query(ActivityTaskStatements.order).int32(0, 0)) }

  /// What ended together with its pause, or was written while that ended.
  func settlePauses() async throws {
    _ = try await database.query(ActivityPauseStatements.forget)
    _ = try await database.query(ActivityPauseStatements.release)
  }

  /// - Returns: how many tasks were dealt with.
  func sweepOnce() async throws -> Int {
    let lost = try await database.transaction { transaction in
      let rows = try await transaction.query(ActivityTaskStatements.expired)
      for row in 0..<rows.count {
        try await write(
          Failure(kind: .workerLost, type: "LeaseExpired", message: "the worker sent no heartbeat before its lease ended"), rows, row,
          transaction)
      }
      return rows.count
    }
    let overdue = try await database.transaction { transaction in
      let rows = try await transaction.query(ActivityTaskStatements.overdue)
      for row in 0..<rows.count {
        let failure =
          try rows.bool(row, 3)
          ? Failure(kind: .scheduleToCloseTimeout, type: "ScheduleToCloseTimeout", message: "all attempts together took too long")
          : Failure(kind: .scheduleToStartTimeout, type: "ScheduleToStartTimeout", message: "no worker took the attempt in time")
        try await write(failure, rows, row, transaction)
      }
      return rows.count
    }
    if lost + overdue > 0 {
      wakeUp.send(WakeUp.inboxChannel)
      wakeUp.send(WakeUp.tasksChannel)
    }
    return max(lost, overdue)
  }

  private func write(_ failure: Failure, _ rows: Rows, _ row: Int, _ transaction: Transaction) async throws {
    _ = try await TaskFailureWriter.write(
      failure, ActivityKey(runID: RunID(try rows.uuid(row, 0)), sequence: try rows.int32(row, 1)), token: try rows.int64(row, 2),
      worker: "sweeper", transaction)
  }
}
