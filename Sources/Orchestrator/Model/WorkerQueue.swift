/// The task queue of one process alone. A step returns it with its result, and steps that need what that one left behind, say a file, run on the
/// same machine:
///
///     let fetched = try await workflow.execute(Steps.fetch, url)          // returns activity.workerQueue with the path
///     let probe = try await workflow.execute(Steps.probe, fetched.path, on: fetched.queue)
///
/// When that process is gone, the step ends with a schedule-to-start timeout, and the workflow begins again with the first.
public struct WorkerQueue: Codable, Sendable, Hashable {
  static let prefix = "worker:"

  /// The queue's name; another process never has the same.
  public let name: String

  /// A queue that this process alone will serve.
  /// - Parameter number: another for each process that ever was.
  init(identity: String, number: UInt64) {
    name = Self.prefix + String("\(identity)/\(String(number, radix: 36))".suffix(200))
  }
}
