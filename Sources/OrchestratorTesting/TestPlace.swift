import Orchestrator

/// Where an environment's runs live.
protocol TestPlace: Sendable {
  var isTimeVirtual: Bool { get }
  /// Microseconds since the Unix epoch.
  var now: Int64 { get }
  func start(type: String, key: WorkflowKey, input: Payload, searchAttributes: SearchAttributes, options: StartOptions) async throws
    -> RunID
  func signal(_ key: WorkflowKey, name: String, input: Payload, requestID: String) async throws
  func update(_ key: WorkflowKey, name: String, input: Payload, updateID: String) async throws
  func updateResult(_ key: WorkflowKey, updateID: String) async throws -> Payload
  func cancel(_ key: WorkflowKey, reason: String) async throws
  func terminate(_ key: WorkflowKey, reason: String) async throws
  func commandActivity(_ key: WorkflowKey, sequence: Int32, _ action: ActivityAction) async throws
  func query(_ key: WorkflowKey, name: String) async throws -> Payload
  func wait(_ key: WorkflowKey, query name: String, until isWanted: (Payload) throws -> Bool) async throws -> Payload
  func result(_ key: WorkflowKey, _ runID: RunID) async throws -> Payload
  func export(_ runID: RunID) async throws -> HistoryExport
  func runs(of key: WorkflowKey) async throws -> [RunID]
  func setVersions(of workflowType: String, current: String?, ramping: String?, percent: Double) async throws
  /// By the versions that are current now.
  func replayer() async throws -> Replayer
  func move(_ key: WorkflowKey, to versioning: RunVersioning) async throws
  func advance(by duration: Duration) async throws
  func setSkipping(_ skips: Bool)
  func shutDown()
}

extension InMemoryEngine: TestPlace {
  var isTimeVirtual: Bool { true }
}
