/// Where a page of a list ended: the keys of its last run, so that the next page begins right behind it whatever happened meanwhile.
enum VisibilityCursor: Equatable, Sendable {
  case run(RunID)
  /// Of a list in the order of ends; nil while the run is open.
  case close(RecordedTime?, RunID)

  /// Nil for anything but the text of a cursor of this order.
  init?(_ text: String, for order: VisibilityFilter.Order) {
    switch order {
    case .startTime:
      guard let run = RunID(text) else { return nil }
      self = .run(run)
    case .closeTime:
      let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let run = RunID(String(parts[1])) else { return nil }
      if parts[0] == "open" {
        self = .close(nil, run)
      } else {
        guard let microseconds = Int64(parts[0]) else { return nil }
        self = .close(RecordedTime(microseconds: microseconds), run)
      }
    }
  }

  init(after run: WorkflowSummary, for order: VisibilityFilter.Order) {
    switch order {
    case .startTime: self = .run(run.runID)
    case .closeTime: self = .close(run.closedAt, run.runID)
    }
  }

  var text: String {
    switch self {
    case .run(let run): run.description
    case .close(let time, let run): "\(time.map { String($0.microseconds) } ?? "open").\(run)"
    }
  }
}
