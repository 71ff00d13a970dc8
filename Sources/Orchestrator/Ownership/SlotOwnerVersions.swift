/// With which version of its type's code a run begins, and with which it goes on.
extension SlotOwner {
  /// Gives a start the version that its run has from now on.
  func version(_ started: inout StartedAttributes, _ code: WorkflowCode?, _ key: WorkflowKey) {
    let asked = started.options?.versioning
    let versioning = routes.beginning(asked, code, started.workflowType, key)
    guard versioning != asked else { return }
    started.options = (started.options ?? RunOptions()).versioned(versioning)
  }

  /// By which queries find it, and operators see which versions are still needed.
  func store(_ versioning: RecordedVersioning, of entry: RunEntry, _ slot: Slot) {
    pipeline.open.versions[entry.runID] = VersionRow(
      runID: entry.runID, slot: slot, version: versioning.version, isPinned: versioning.behavior == .pinned)
  }

  /// A child of its parent's own type has the version that the parent is pinned to; all others begin like any start.
  func options(of task: ChildTask, of parent: WorkflowInfo) -> RunOptions? {
    guard let pinned = parent.options?.versioning, pinned.pinnedVersion != nil, task.workflowType == parent.workflowType,
      task.options?.versioning == nil
    else { return task.options }
    return (task.options ?? RunOptions()).versioned(pinned)
  }

  /// A start as its run was about to record it when its code blocked.
  func recorded(_ started: StartedAttributes, _ entry: RunEntry) -> StartedAttributes {
    guard let options = entry.info?.options else { return started }
    var started = started
    started.options = options
    return started
  }

  /// Operators changed which versions are current: runs that are not pinned go on with theirs as soon as nothing of them is on its way.
  func follow(_ routes: VersionRoutes) {
    let before = self.routes
    self.routes = routes
    for entry in orderedEntries {
      guard let info = entry.info, let key = entry.key, let code = registry.workflows[info.workflowType], code.isVersioned,
        before.version(continuing: info.options?.versioning, code, key) != routes.version(continuing: info.options?.versioning, code, key)
      else { continue }
      outdated.append(entry.runID)
    }
    renewOutdated()
  }

  /// An operator gives an open run another version: the code of that one replays its history.
  func move(_ entry: RunEntry, _ request: MoveRequest, _ message: OwnerMessage) {
    guard let info = entry.info, let key = entry.key, let slot = entry.slot, info.options?.versioning?.inherited != request.versioning
    else {
      return acknowledge(message, entry)
    }
    var versioning = request.versioning
    if versioning.version == nil {
      versioning.version = routes.version(of: registry.workflows[info.workflowType], info.workflowType, key)
    }
    storeState(of: entry)
    let at = max(clock(), entry.lastActiveAt)
    record(message, entry, at: at)
    _ = append(.workflowExecutionOptionsUpdated, causedBy: 0, request.encoded(versioning), entry, slot, at)
    store(versioning, of: entry, slot)
    let instance = entry.instance
    // Nobody's code sees what comes from now on, until the other one has replayed this.
    entry.phase = .loading
    instance?.evict()
    outdated.append(entry.runID)
  }

  /// Brings runs back from their histories whose code in memory is no longer theirs.
  func renewOutdated() {
    guard !outdated.isEmpty else { return }
    outdated.removeAll { runID in
      guard let entry = entries[runID] else { return true }
      guard entry.uncommittedBatches == 0, entry.frozenBy == nil else { return false }
      switch entry.phase {
      case .active(let instance):
        guard entry.inlineSteps.isEmpty else { return false }
        entry.phase = .loading
        instance.evict()
      case .blocked: entry.phase = .loading
      case .loading: break
      case .closed: return true
      }
      loads.append(runID)
      return true
    }
  }
}

/// Which version an open run is to have, and who wants that. A class: it travels beside messages that have none.
final class MoveRequest: Sendable {
  let versioning: RecordedVersioning
  let reason: String
  let identity: String

  init(_ versioning: RecordedVersioning, reason: String, identity: String) {
    self.versioning = versioning
    self.reason = reason
    self.identity = identity
  }

  /// - Throws: `AttributesError`, `PayloadError` when a field is damaged.
  init(_ reader: AttributesReader) throws {
    versioning = try PayloadCodec.decode(RecordedVersioning.self, from: try require(reader.payload("versioning")))
    reason = reader.text("reason") ?? ""
    identity = reader.text("identity") ?? ""
  }

  /// - Parameter versioning: as the run has it from now on.
  func encoded(_ versioning: RecordedVersioning? = nil) -> [UInt8] {
    var writer = AttributesWriter()
    writer.field("versioning", (versioning ?? self.versioning).payload)
    writer.field("reason", reason)
    writer.field("identity", identity)
    return writer.finish()
  }
}
