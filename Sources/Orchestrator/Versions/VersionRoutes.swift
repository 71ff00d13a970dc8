import Cryptography

/// Which version of a workflow type new runs begin with, as operators set it.
struct VersionRoute: Sendable, Equatable {
  /// Nil while nobody set one.
  let current: String?
  let ramping: String?
  /// Percent of all workflow ids, 0 to 100, whose runs begin with the ramping version.
  let rampingPercent: Double

  init(current: String? = nil, ramping: String? = nil, rampingPercent: Double = 0) {
    self.current = current
    self.ramping = ramping
    self.rampingPercent = rampingPercent
  }

  /// Whether a workflow id is among those that the ramping version gets. The same everywhere, always; a larger share only adds some.
  func isRamping(_ workflowID: String, type: String) -> Bool {
    guard ramping != nil, rampingPercent > 0 else { return false }
    let hash = Digest.sha256(Array("ramp\n\(type)\n\(workflowID)".utf8)).prefix(4).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    return Double(hash) < rampingPercent / 100 * 4_294_967_296
  }
}

/// The routes of all workflow types, as they stand in the database.
struct VersionRoutes: Sendable, Equatable {
  struct Key: Hashable, Sendable {
    let workflowType: String
    let namespace: String
  }

  private(set) var routes: [Key: VersionRoute] = [:]

  init(_ routes: [Key: VersionRoute] = [:]) {
    self.routes = routes
  }

  var isEmpty: Bool { routes.isEmpty }

  subscript(workflowType: String, in namespace: String) -> VersionRoute? {
    get { routes[Key(workflowType: workflowType, namespace: namespace)] }
    set { routes[Key(workflowType: workflowType, namespace: namespace)] = newValue }
  }

  /// The version that a run which may choose has; nil for code without one.
  func version(of code: WorkflowCode?, _ workflowType: String, _ key: WorkflowKey) -> String? {
    if let route = self[workflowType, in: key.namespace] {
      if route.isRamping(key.workflowID, type: workflowType) { return route.ramping }
      if let current = route.current { return current }
    }
    return code?.standardVersion
  }

  /// What the start of a run records. Who is pinned stays so, everybody else begins with the version that is meant for him.
  func beginning(_ asked: RecordedVersioning?, _ code: WorkflowCode?, _ workflowType: String, _ key: WorkflowKey) -> RecordedVersioning? {
    if let asked, asked.pinnedVersion != nil { return asked }
    guard let version = version(of: code, workflowType, key) else { return asked }
    // A version that only later builds have is pinned until they say otherwise.
    return RecordedVersioning(asked?.behavior ?? code?[version]?.behavior ?? .pinned, version)
  }

  /// The version whose code continues a run; nil for code without one.
  func version(continuing recorded: RecordedVersioning?, _ code: WorkflowCode, _ key: WorkflowKey) -> String? {
    if let pinned = recorded?.pinnedVersion { return pinned }
    // Begun before the type had versions: as long as that code is there, nothing else needs to fit.
    if recorded?.version == nil, code.unversioned != nil { return nil }
    return version(of: code, code.name, key)
  }

  func definition(
    continuing recorded: RecordedVersioning?, _ code: WorkflowCode, _ key: WorkflowKey
  ) throws(WorkflowProblem) -> WorkflowDefinition {
    code.isVersioned || recorded != nil
      ? try code.definition(version(continuing: recorded, code, key)) : try code.definition(nil)
  }
}

extension WorkflowCode {
  /// The code that recorded a history, where nobody can say what is current.
  func definition(recordedBy versioning: RecordedVersioning?) throws(WorkflowProblem) -> WorkflowDefinition {
    try definition(versioning?.version ?? standardVersion)
  }
}
