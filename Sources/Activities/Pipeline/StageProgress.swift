import Foundation
import Orchestrator
import Synchronization

/// Shows people and the engine how far one attempt is, while it works.
///
/// The heartbeat also brings a cancellation back: the engine cancels the task that runs the step.
struct StageProgress: Sendable {
  /// 0 to 1.
  typealias Callback = @Sendable (Double) -> Void

  static let interval = Duration.milliseconds(300)

  let context: ActivityContext
  /// Where people see it.
  let report: @Sendable (_ percent: Int, _ isDone: Bool) async throws -> Void

  func during<Output: Sendable>(_ body: @escaping @Sendable (@escaping Callback) async throws -> Output) async throws -> Output {
    let latest = LatestPercent()
    await show(0)
    let output = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await beat(latest) }
      defer { group.cancelAll() }
      return try await body { latest.raise(to: $0) }
    }
    await show(100, isDone: true)
    return output
  }

  private func beat(_ latest: LatestPercent) async throws {
    var shown = 0
    while true {
      try context.heartbeat(latest.percent)
      if latest.percent > shown {
        shown = latest.percent
        await show(shown)
      }
      try await Task.sleep(for: Self.interval)
    }
  }

  /// Progress is a courtesy: a step must not fail because it could not be shown.
  private func show(_ percent: Int, isDone: Bool = false) async {
    do {
      try await report(percent, isDone)
    } catch {
      Log.debug("progress", "not shown: \(error)", ["workflow_id": context.info.workflowID])
    }
  }
}

/// The highest per cent that was reported, from whatever thread.
private final class LatestPercent: Sendable {
  private let value = Mutex(0)

  var percent: Int { value.withLock { $0 } }

  func raise(to fraction: Double) {
    let percent = Int(min(max(fraction, 0), 1) * 100)
    value.withLock { $0 = max($0, percent) }
  }
}
