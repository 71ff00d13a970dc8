/// What becomes of a run when another version of its type's code becomes the current one.
public enum VersioningBehavior: String, Codable, Sendable, CaseIterable {
  /// It is continued with the version that began it, for as long as it is open.
  case pinned
  /// It goes on with the current version whenever it comes back into memory; `Context.patched` and `orchestratord check` guard that.
  case autoUpgrade
}

/// What a start asks for instead of what the version's registration says.
public enum RunVersioning: Sendable, Equatable {
  /// Begins with this version and stays with it.
  case pinned(String)
  /// Begins with the version that new runs begin with, and moves on with it.
  case autoUpgrade
}

/// Which version a run has, as its start records it: what was asked for, until its owner begins it.
struct RecordedVersioning: Codable, Sendable, Equatable {
  let behavior: VersioningBehavior
  /// Which one it began with; nil for code without a version.
  var version: String?

  init(_ behavior: VersioningBehavior, _ version: String? = nil) {
    self.behavior = behavior
    self.version = version
  }

  init(_ versioning: RunVersioning) {
    switch versioning {
    case .pinned(let version): self.init(VersioningBehavior.pinned, version)
    case .autoUpgrade: self.init(VersioningBehavior.autoUpgrade)
    }
  }

  /// The only version whose code may continue the run; nil when it moves on.
  var pinnedVersion: String? { behavior == .pinned ? version : nil }

  /// Plain values, whose encoding cannot fail.
  var payload: Payload { (try? PayloadCodec.encode(self)) ?? Payload(json: Array("{}".utf8)) }

  /// Of a run that goes on for this one: a pinned one stays, the other chooses anew.
  var inherited: RecordedVersioning { RecordedVersioning(behavior, pinnedVersion) }
}

extension StartedAttributes {
  /// With the version that its run has by the rest of its history: an operator may have moved it.
  /// - Throws: `AttributesError`, `PayloadError` when an event is damaged.
  func moved(by history: some BidirectionalCollection<HistoryEvent>) throws -> StartedAttributes {
    // A reset knew what stands in the part that it copied.
    let copied = lineage?.reset?.eventID ?? 1
    guard let event = history.last(where: { $0.type == .workflowExecutionOptionsUpdated && $0.eventID > copied }) else { return self }
    var started = self
    started.options = (options ?? RunOptions()).versioned(try MoveRequest(try AttributesReader(event.attributes)).versioning)
    return started
  }

  var key: WorkflowKey { WorkflowKey(namespace: namespace, workflowID: workflowID) }
}
