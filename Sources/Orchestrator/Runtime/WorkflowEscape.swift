/// Thrown to code that called its context from a foreign executor.
struct WorkflowEscape: Error, CustomStringConvertible {
  let operation: String
  var description: String {
    "'\(operation)' was called outside the workflow's own executor (from Task {}, Task.detached, an actor or a callback)"
  }
}
