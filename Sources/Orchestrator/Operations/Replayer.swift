/// Runs today's code over a stored history, without a database and without any effect, and says where they part.
///
///     let report = try Replayer(registry).replay(try HistoryExport(reading: bytes))
///     if let divergence = report.divergence { print(divergence.message) }
public struct Replayer: Sendable {
  private let registry: Registry
  private let routes: VersionRoutes?

  /// - Parameter registry: whose code is replayed: of a run with a version, that one.
  public init(_ registry: Registry) {
    self.init(registry, nil)
  }

  /// - Parameter routes: by which runs that are not pinned go on; nil for the version that recorded them.
  init(_ registry: Registry, _ routes: VersionRoutes?) {
    self.registry = registry
    self.routes = routes
  }

  /// What a replay found.
  public struct Report: Codable, Sendable {
    public let runID: RunID
    public let workflowID: String
    public let workflowType: String
    /// Events of the history.
    public let events: Int
    /// Nil: the code repeats the history.
    public let divergence: Divergence?

    enum CodingKeys: String, CodingKey {
      case runID = "runId"
      case workflowID = "workflowId"
      case workflowType, events, divergence
    }
  }

  /// The first difference between history and code, or what kept the code from running.
  public struct Divergence: Codable, Sendable {
    /// Name of an ``ErrorCode``.
    public let code: String
    /// Nil when the problem belongs to no single event.
    public let eventID: Int32?
    public let recorded: String?
    /// What the code did instead.
    public let found: String?
    public let message: String

    enum CodingKeys: String, CodingKey {
      case eventID = "eventId"
      case code, recorded, found, message
    }

    init(_ problem: WorkflowProblem) {
      code = problem.code.name
      message = problem.message
      switch problem {
      case .nonDeterminism(let eventID, let expected, let found):
        self.eventID = eventID
        recorded = expected
        self.found = found
      case .damagedHistory(let eventID, _):
        self.eventID = eventID
        recorded = nil
        found = nil
      default:
        eventID = nil
        recorded = nil
        found = nil
      }
    }
  }

  /// Replays one history.
  /// - Throws: `OrchestratorError` with code `damaged-history` when it holds an event type that this build does not know.
  public func replay(_ export: HistoryExport) throws -> Report {
    let history = try export.rows()
    return Report(
      runID: export.runID, workflowID: export.workflowID, workflowType: export.workflowType, events: history.count,
      divergence: divergence(of: history, export.runID, isLastEventNew: export.lastEventUnapplied))
  }

  /// Where the code parts from these events; nil when it repeats them.
  func divergence(of history: [HistoryEvent], _ runID: RunID, isLastEventNew: Bool) -> Divergence? {
    firstProblem(history, runID, isLastEventNew: isLastEventNew).map(Divergence.init)
  }

  private func firstProblem(_ history: [HistoryEvent], _ runID: RunID, isLastEventNew: Bool) -> WorkflowProblem? {
    do {
      try HistoryReplay(registry, routes).replay(history, runID: runID, isLastEventNew: isLastEventNew)
      return nil
    } catch let problem as WorkflowProblem {
      return problem
    } catch {
      return .damagedHistory(eventID: Int32(history.count), reason: String(describing: error))
    }
  }
}
