/// What a reset asks the database.
struct ResetQuery: Sendable {
  /// Tells the answers apart.
  let number: Int
  let baseRunID: RunID
  let newRunID: RunID
  let target: WorkflowKey
}

/// What it is told, of one moment.
struct ResetReading: Sendable {
  let number: Int
  /// Of the run that is copied; empty when nothing is left of it.
  var history: [HistoryEvent] = []
  var isClosed = false
  /// The reset was dealt with before.
  var isDone = false
  /// A run has the identifier already.
  var isTaken = false
  /// The open run of the workflow id that the new run is to have.
  var openRun: RunID?
  /// How children ended, by the identifier that they were started with.
  var childOutcomes: [RunID: ChildEnd] = [:]

  struct ChildEnd: Sendable {
    /// The last run of the child's chain.
    let runID: RunID
    let status: CloseStatus
    let payload: Payload?
  }
}

/// A part of a history that becomes the beginning of another.
struct HistoryCopy: Sendable {
  let from: RunID
  let to: RunID
  /// The slot of the new run.
  let slot: Slot
  /// Events 2 to this one; the first is the new run's own.
  let lastEventID: Int32
}

/// What became of a request for a reset.
struct ResetRow: Sendable {
  let request: ResetRequest
  let slot: Slot
  /// The last event that is kept; 0 when it was refused.
  let eventID: Int32
  let at: Int64
  let refusal: OrchestratorError?
}
