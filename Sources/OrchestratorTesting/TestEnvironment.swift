import Foundation
import Orchestrator

/// Where workflows are tested: the engine in this process, with a clock of its own, mocked activities, and no database.
///
///     let charge = MockActivity(Steps.charge) { cents in "receipt for \(cents)" }
///     let environment = try await TestEnvironment(workflows: [Order.self], activities: [charge])
///     let order = try await environment.start(Order.self, Price(cents: 500))
///     try await environment.advance(by: .days(13))
///     try await order.signal(Order.payment, 500)
///     #expect(try await order.result() == "receipt for 500")
///     #expect(charge.inputs == [500])
///
/// Time moves when somebody waits for a run and no activity is at work: then it skips to the next moment at which something is due. Environments
/// share nothing, so tests run in parallel.
///
/// With a connection string, or with one in the environment variable `ORCHESTRATOR_TEST_DATABASE`, the same test runs on PostgreSQL, in a database
/// of its own that is dropped afterwards. Time is real there: `advance` sleeps, and nothing is skipped.
public final class TestEnvironment: Sendable {
  let place: any TestPlace
  let registry: Registry
  private let starts = Counter()

  /// - Parameters:
  ///   - workflows: the workflow types that runs may have.
  ///   - activities: the mocks; each takes the place of an implementation that `registry` may have.
  ///   - registry: what is known besides: real workflows, real activities.
  ///   - startingAt: the first moment of virtual time.
  ///   - seed: of all that is random in memory, such as run identifiers; the same seed gives the same numbers.
  ///   - forgetsRuns: whether a run leaves memory whenever it waits, so that its code is replayed at every event. Slow for long histories.
  ///   - patience: real time that a call waits although nothing happens and nothing is due; default 5 s.
  ///   - database: a connection string of PostgreSQL; default the environment variable's value, else none.
  /// - Throws: `DatabaseError` when the database that was named cannot be used.
  public init(
    workflows: [any Workflow.Type] = [], activities: [any MockedActivity] = [], registry: Registry = Registry(),
    startingAt: Date = Date(timeIntervalSince1970: 1_767_225_600), seed: UInt64 = 1, forgetsRuns: Bool = false,
    patience: Duration = .seconds(5), database: String? = nil
  ) async throws {
    var known = registry
    for workflow in workflows { known.register(workflow) }
    for activity in activities { activity.implement(in: &known) }
    self.registry = known
    if let database = database ?? ProcessInfo.processInfo.environment["ORCHESTRATOR_TEST_DATABASE"] {
      place = try await TestDatabase(database, known)
    } else {
      place = InMemoryEngine(
        known,
        InMemoryEngine.Configuration(
          beginsAt: Int64(startingAt.timeIntervalSince1970 * 1_000_000), seed: seed, cachedRuns: forgetsRuns ? 0 : 1000, patience: patience)
      )
    }
  }

  deinit {
    place.shutDown()
  }

  /// Whether time is skipped: false on PostgreSQL.
  public var isTimeVirtual: Bool { place.isTimeVirtual }

  /// What the engine takes for the present.
  public var now: Date { Date(timeIntervalSince1970: Double(place.now) / 1_000_000) }

  /// Starts a run.
  /// - Parameters:
  ///   - id: the workflow id; default the type's name with a number.
  ///   - options: as for `Client.start`.
  /// - Throws: as `Client.start`.
  public func start<W: Workflow>(
    _ workflow: W.Type, id: String? = nil, _ input: W.Input, searchAttributes: SearchAttributes = [:], options: StartOptions = .standard
  ) async throws -> TestRun<W> {
    let key = WorkflowKey(workflowID: id ?? "\(W.name)-\(starts.next())")
    let runID = try await place.start(
      type: W.name, key: key, input: try PayloadCodec.encode(input), searchAttributes: searchAttributes, options: options)
    return TestRun(environment: self, key: key, runID: runID)
  }

  /// The newest run of a workflow id, for example of a child.
  /// - Throws: `OrchestratorError` with code `workflow-not-found`.
  public func run<W: Workflow>(_ workflow: W.Type, id: String) async throws -> TestRun<W> {
    let key = WorkflowKey(workflowID: id)
    guard let runID = try await place.runs(of: key).last else {
      throw OrchestratorError(.workflowNotFound, "no workflow has the id '\(id)'")
    }
    return TestRun(environment: self, key: key, runID: runID)
  }

  /// Says with which version of a workflow type new runs begin, and runs go on that are not pinned.
  /// - Parameters:
  ///   - version: nil for the one that the code says.
  ///   - ramping: the version with which a share of the workflow ids begins; default none.
  ///   - percent: that share, 0 to 100.
  public func setCurrentVersion<W: Workflow>(
    _ version: String?, of workflow: W.Type, ramping: String? = nil, percent: Double = 0
  ) async throws {
    try await place.setVersions(of: W.name, current: version, ramping: ramping, percent: percent)
  }

  /// Lets time pass; whatever is due meanwhile happens at its time. Returns when no activity is at work.
  public func advance(by duration: Duration) async throws {
    try await place.advance(by: duration)
  }

  /// Stops or starts the skipping of time while somebody waits: `advance` moves it all the same. On PostgreSQL this changes nothing.
  public func skipTime(_ skips: Bool) {
    place.setSkipping(skips)
  }

  /// Replays a history against the workflows of this environment; one with a version against that.
  /// - Throws: `HistoryDiverged`; `OrchestratorError` with code `damaged-history`.
  public func replay(_ history: HistoryExport) throws {
    try replay(history, by: Replayer(registry))
  }

  func replay(_ history: HistoryExport, by replayer: Replayer) throws {
    let report = try replayer.replay(history)
    if let divergence = report.divergence { throw HistoryDiverged(workflowID: report.workflowID, divergence: divergence) }
  }

  /// Replays a history that was exported into a file, by `orchestratord workflow export` or `RecordedHistory.write`.
  /// - Throws: as `replay` of a history, and what reading the file throws.
  public func replay(contentsOf file: URL) throws {
    try replay(try HistoryExport(reading: Array(try Data(contentsOf: file))))
  }
}

/// The code does not repeat a history.
public struct HistoryDiverged: Error, CustomStringConvertible {
  public let workflowID: String
  public let divergence: Replayer.Divergence

  public var description: String { "workflow '\(workflowID)': \(divergence.message)" }
}
