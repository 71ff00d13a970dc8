/// Why the engine cannot go on with a run: nothing the workflow's author threw, but something a deploy can mend. The run is blocked, with this
/// as its reason, and tried again; its history stays as it was.
enum WorkflowProblem: Error, Sendable, Equatable {
  case nonDeterminism(eventID: Int32, expected: String, found: String)
  case undecodablePayload(what: String, reason: String)
  case unknownWorkflowType(String)
  case unknownWorkflowVersion(String, type: String)
  case blockedCode(lastCommand: String)
  case tooManyCommands(lastCommand: String)
  case endlessContinuation
  case escaped(String)
  case damagedHistory(eventID: Int32, reason: String)
  case storeRefused(String)

  var code: ErrorCode {
    switch self {
    case .nonDeterminism: .nonDeterminism
    case .undecodablePayload: .undecodablePayload
    case .unknownWorkflowType: .unknownWorkflowType
    case .unknownWorkflowVersion: .unknownWorkflowVersion
    case .blockedCode, .tooManyCommands, .endlessContinuation: .blockedCode
    case .escaped: .executorEscape
    case .damagedHistory: .damagedHistory
    case .storeRefused: .storeRefused
    }
  }

  /// What happened and what to do, for operators.
  var message: String {
    switch self {
    case .nonDeterminism(let eventID, let expected, let found):
      "the code does not repeat its history at event \(eventID): recorded is \(expected), the code asks for \(found). "
        + "Deploy code that fits the history; the run then goes on by itself."
    case .undecodablePayload(let what, let reason):
      "\(what) cannot be decoded: \(reason). Deploy a type that reads it; the run then goes on by itself."
    case .unknownWorkflowType(let name):
      "no workflow type '\(name)' is registered in this build. Deploy a build that has it; the run then goes on by itself."
    case .unknownWorkflowVersion(let version, let type):
      "this build has no version '\(version)' of workflow type '\(type)'. Deploy a build that registers it, or move the run to another "
        + "version; it then goes on by itself."
    case .blockedCode(let lastCommand):
      "workflow code did not come to rest within \(Limits.blockedCode.components.seconds) s or \(Limits.jobsPerActivation) jobs; its last "
        + "command was \(lastCommand). Move long computations into an activity, and let CancellationError through."
    case .tooManyCommands(let lastCommand):
      "workflow code asked for more than \(Limits.commandsPerActivation) things for one event; the last was \(lastCommand). "
        + "Schedule in portions, or let an activity do the loop."
    case .endlessContinuation:
      "\(Limits.continuationsAtOnce) runs continued as new without one that waited for anything. Let each do some work, or sleep."
    case .escaped(let detail):
      "workflow code awaited something that is not a workflow operation: \(detail). Task.sleep, Task {}, Task.detached, actors, "
        + "callbacks and I/O are not durable; use the context's sleep, execute and wait."
    case .damagedHistory(let eventID, let reason): "event \(eventID) of the stored history cannot be read: \(reason)."
    case .storeRefused(let reason): "the database refused what this run wanted to write: \(reason)."
    }
  }
}
