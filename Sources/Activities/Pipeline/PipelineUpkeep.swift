import Orchestrator

/// Ends what nobody will ever end: uploads that were abandoned between their last byte and their acceptance, and tracks whose run was stopped.
public struct PipelineUpkeep: Sendable {
  let store: any ObjectStore
  let catalog: TrackCatalog
  let stagingAge: Duration

  /// - Parameter stagingAge: how old a file in staging must be before it counts as abandoned; default one day, far longer than an upload takes.
  public init(store: any ObjectStore, catalog: TrackCatalog, stagingAge: Duration = .hours(24)) {
    self.store = store
    self.catalog = catalog
    self.stagingAge = stagingAge
  }

  /// Looks every `interval` until the task is cancelled; any number of processes may do so.
  public func run(every interval: Duration = .minutes(1)) async throws {
    while true {
      do {
        try await runOnce()
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        Log.warning("pipeline-upkeep", "failed and is tried again in \(interval): \(error)")
      }
      try await Task.sleep(for: interval)
    }
  }

  func runOnce() async throws {
    let settled = try await catalog.settleTracks()
    if settled > 0 { Log.warning("tracks-settled", "ended \(settled) tracks whose runs had been stopped") }
    let ended = try await catalog.settleJobs()
    if ended > 0 { Log.warning("jobs-settled", "ended \(ended) jobs whose runs had been stopped") }
    let removed = try await sweepStaging()
    if removed > 0 { Log.info("staging-swept", "removed \(removed) abandoned files") }
    _ = try await catalog.forgetOldUploads()
    _ = try await catalog.forgetUploadRequests()
    _ = try await WebhookCatalog(catalog.database).forgetOldDeliveries()
  }

  /// Returns how many files went. A track or job that is still in processing keeps its files, however old they are.
  func sweepStaging() async throws -> Int {
    var removed = try await sweepUnfinished()
    var last: ObjectKey?
    repeat {
      let page = try await store.list(in: TrackKeys.staging(), after: last, limit: 500)
      let old = page.filter { $0.age > stagingAge }.map(\.key)
      let inUse = try await catalog.stagedKeysInUse(old.map(\.text))
      for key in old where !inUse.contains(key.text) {
        try await store.delete(key)
        removed += 1
      }
      last = page.last?.key
    } while last != nil
    return removed
  }

  /// Writes that were never finished, and files that were stored by a URL of which nobody has said since that they are there.
  private func sweepUnfinished() async throws -> Int { try await store.sweep(TrackKeys.incoming(), olderThan: stagingAge) }
}
