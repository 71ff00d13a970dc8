/// All code that a build has for one workflow type: without a version, in versions, or both.
struct WorkflowCode: Sendable {
  struct Version: Sendable {
    let name: String
    let behavior: VersioningBehavior
    var definition: WorkflowDefinition
  }

  let name: String
  private(set) var unversioned: WorkflowDefinition?
  /// In the order of their registration.
  private(set) var versions: [Version] = []

  init(_ name: String) {
    self.name = name
  }

  init<W: Workflow>(_ workflow: W.Type) {
    name = W.name
    unversioned = WorkflowDefinition(workflow)
  }

  var isVersioned: Bool { !versions.isEmpty }

  subscript(version: String) -> Version? { versions.first { $0.name == version } }

  /// - Precondition: it has no such code yet.
  mutating func add(_ definition: WorkflowDefinition, version: String?, _ behavior: VersioningBehavior) {
    guard let version else {
      precondition(unversioned == nil, "workflow '\(name)' is registered twice")
      unversioned = definition
      return
    }
    precondition(self[version] == nil, "version '\(version)' of workflow '\(name)' is registered twice")
    precondition((1...Limits.nameBytes).contains(version.utf8.count), "the name of a version has 1 to \(Limits.nameBytes) bytes")
    versions.append(Version(name: version, behavior: behavior, definition: definition))
  }

  func intercepted(by interceptor: any WorkflowInterceptor) -> WorkflowCode {
    var code = self
    code.unversioned = unversioned?.intercepted(by: [interceptor])
    for index in versions.indices { code.versions[index].definition = versions[index].definition.intercepted(by: [interceptor]) }
    return code
  }

  /// With which version runs begin as long as nobody said it: the code without one, else the oldest.
  var standardVersion: String? { unversioned == nil ? versions.first?.name : nil }

  /// The code of a version; nil stands for that without one.
  func definition(_ version: String?) throws(WorkflowProblem) -> WorkflowDefinition {
    guard let version else {
      guard let unversioned else { throw .unknownWorkflowType(name) }
      return unversioned
    }
    guard let known = self[version] else { throw .unknownWorkflowVersion(version, type: name) }
    return known.definition
  }

  /// What answers queries of a run: the version that it is pinned to, else the newest code.
  func answering(_ pinnedVersion: String?) -> WorkflowDefinition? {
    if let pinnedVersion { return self[pinnedVersion]?.definition }
    return versions.last?.definition ?? unversioned
  }
}
