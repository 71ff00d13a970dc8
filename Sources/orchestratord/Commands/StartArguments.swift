import Orchestrator

/// The options that say how a run starts.
extension Arguments {
  mutating func startOptions() throws -> StartOptions {
    var options = StartOptions(
      startDelay: try interval("--start-delay"), executionTimeout: try interval("--execution-timeout"),
      runTimeout: try interval("--run-timeout"))
    if let policy = try choice("--reuse-policy", of: WorkflowIDReusePolicy.self) { options.reusePolicy = policy }
    if let policy = try choice("--conflict-policy", of: WorkflowIDConflictPolicy.self) { options.conflictPolicy = policy }
    options.versioning = try versioning()
    if let policy = try json("--retry-policy") {
      do {
        let wrapped = Payload(json: Array(#"{"retryPolicy":"#.utf8) + policy.bytes + Array("}".utf8))
        options.retryPolicy = try PayloadCodec.decode(StartOptions.self, from: wrapped).retryPolicy
      } catch {
        throw UsageError("--retry-policy: \(error)")
      }
    }
    return options
  }

  /// Which version of its code a run is to have.
  mutating func versioning() throws -> RunVersioning? {
    let (version, isUpgrading) = (try option("--version"), flag("--auto-upgrade"))
    guard version == nil || !isUpgrading else { throw UsageError("--version and --auto-upgrade exclude each other") }
    return version.map { .pinned($0) } ?? (isUpgrading ? .autoUpgrade : nil)
  }

  /// What a start carries for its run, or for the open one.
  enum StartMessage {
    case signal(name: String, Payload)
    case update(name: String, Payload)
  }

  mutating func startMessage() throws -> StartMessage? {
    if let name = try option("--signal") { return .signal(name: name, try json("--signal-input") ?? .null) }
    if let name = try option("--update") { return .update(name: name, try json("--update-input") ?? .null) }
    return nil
  }

  private mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, of type: Choice.Type
  ) throws(UsageError) -> Choice? {
    guard let text = try option(name) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      throw UsageError("\(name) takes \(Choice.allCases.map(\.rawValue).joined(separator: ", ")), not '\(text)'")
    }
    return choice
  }
}
