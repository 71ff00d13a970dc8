/// A run whose first code waits: what it begins with, and the updates that were accepted meanwhile.
struct DelayedStart {
  let started: StartedAttributes
  var updates: [UpdateAttributes] = []
}

extension WorkflowInstance {
  /// Whether no code of the run has run yet, because it is to begin later.
  var isDelayed: Bool { delayed != nil }

  /// Updates that were accepted and have no answer, in the order in which they came.
  var openUpdates: [String] { updates.identifiers + (delayed?.updates.map(\.updateID) ?? []) }

  /// The code starts, or will when the delay is over.
  func begin(_ started: StartedAttributes) throws {
    if started.options?.startDelayMilliseconds ?? 0 > 0 {
      delayed = DelayedStart(started: started)
    } else {
      try decoding("the input of workflow '\(started.workflowType)'") { try start(started.input) }
    }
  }

  /// The delay is over; whoever asked for cancellation meanwhile meant the code that starts now.
  func beginDelayed() throws {
    guard let delayed else { return }
    self.delayed = nil
    try decoding("the input of workflow '\(delayed.started.workflowType)'") { try start(delayed.started.input) }
    for update in delayed.updates { try decoding("update '\(update.name)'") { try start(update) } }
    if isCancelRequested { cancelCode() }
  }

  /// Its handler runs beside the run's code, not before.
  func accept(_ update: UpdateAttributes) throws {
    updates.note(update.updateID)
    if update.isWithStart { try beginDelayed() }
    guard delayed == nil else {
      delayed?.updates.append(update)
      return
    }
    try decoding("update '\(update.name)'") { try start(update) }
  }
}
