import Orchestrator

/// Removes uploads that nobody will ever process: the client or the server went away between the last byte and the acceptance.
public struct StagingSweeper: Sendable {
  let store: any ObjectStore
  let catalog: TrackCatalog
  let age: Duration

  /// - Parameter age: how old an upload must be before it counts as abandoned; default one day, far longer than any upload takes.
  public init(store: any ObjectStore, catalog: TrackCatalog, age: Duration = .hours(24)) {
    self.store = store
    self.catalog = catalog
    self.age = age
  }

  /// Sweeps every hour until the task is cancelled.
  public func run() async throws {
    while true {
      do {
        let removed = try await sweepOnce()
        if removed > 0 { Log.info("staging-swept", "removed \(removed) abandoned uploads") }
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        Log.warning("staging-sweep", "failed, the next one is in an hour: \(error)")
      }
      try await Task.sleep(for: .hours(1))
    }
  }

  /// Returns how many files went. A track that is still in processing keeps its upload, however old it is.
  public func sweepOnce() async throws -> Int {
    var removed = try await sweepUnfinishedWrites()
    var last: ObjectKey?
    repeat {
      let page = try await store.list(in: TrackKeys.staging(), after: last, limit: 500)
      let old = page.filter { $0.age > age }.map(\.key)
      let inUse = try await catalog.stagedKeysInUse(old.map(\.text))
      for key in old where !inUse.contains(key.text) {
        try await store.delete(key)
        removed += 1
      }
      last = page.last?.key
    } while last != nil
    _ = try await catalog.forgetOldUploads()
    return removed
  }

  /// The folder holds no objects, so only writes that were never finished go.
  private func sweepUnfinishedWrites() async throws -> Int {
    try await store.sweep(ObjectKey("unfinished"), olderThan: age)
  }
}
