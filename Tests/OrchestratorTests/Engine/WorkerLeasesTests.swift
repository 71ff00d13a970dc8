import Testing

@testable import Orchestrator

/// What a worker holds, however its leases come and go.
@Suite struct WorkerLeasesTests {
  private struct Lease: LeasedTask {
    let attempt: ActivityAttempt
    let token: Int64
  }

  private func lease(_ token: Int64, attempt: Int32 = 1) -> Lease {
    let task = ActivityTask(sequence: 1, activityType: "step", input: .null, options: ActivityOptions(taskQueue: "remote"))
    let key = ActivityKey(runID: RunID.floor(unixMilliseconds: 1), sequence: 1)
    return Lease(
      attempt: ActivityAttempt(
        key: key, workflow: WorkflowKey(workflowID: "w"), task: task, attempt: attempt, scheduledAt: 0, heartbeatDetails: nil),
      token: token)
  }

  private func report(_ attempt: Int32) -> AttemptReport {
    AttemptReport(attempt: attempt, outcome: .completed(.null), worker: "w", startedAt: 0, endedAt: 0)
  }

  @Test("A worker that leases again what it lost unnoticed counts it once")
  func leasedAgain() throws {
    var leases = WorkerLeases<Lease>()
    expect(leases.add(lease(1))?.token, nil)
    expect(leases.add(lease(2, attempt: 2))?.token, 1)
    expect(leases.room("remote", limit: 8, concurrency: 8), 7)
    expect(leases.ended(lease(1).attempt.key, report(1)), false)
    expect(leases.ended(lease(2).attempt.key, report(2)), true)
    expect(leases.room("remote", limit: 8, concurrency: 8), 8)
    expect(leases.takeOutcomes().map(\.lease.token), [2])
  }

  @Test("A heartbeat that was asked for an earlier lease does not drop a later one")
  func earlierHeartbeat() {
    var leases = WorkerLeases<Lease>()
    _ = leases.add(lease(1))
    let asked = leases.all
    _ = leases.add(lease(2, attempt: 2))
    expect(leases.dropLost(asked, held: []).count, 0)
    let all = leases.all
    expect(leases.dropLost(all, held: []).map(\.token), [2])
    expect(leases.count, 0)
  }
}

private func expect<Value: Equatable>(_ found: Value, _ wanted: Value, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(found == wanted, sourceLocation: sourceLocation)
}
