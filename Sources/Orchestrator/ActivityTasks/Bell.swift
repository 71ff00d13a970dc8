import Synchronization

/// Wakes one waiting task; a ring while nobody waits is kept.
final class Bell: Sendable {
  private struct State {
    var isRung = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  func ring() {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard let waiter = state.waiter else {
        state.isRung = true
        return nil
      }
      state.waiter = nil
      return waiter
    }
    waiter?.resume()
  }

  /// Waits for a ring, at most so long.
  func wait(upTo limit: Duration) async {
    let alarm = Task {
      try? await Task.sleep(for: limit)
      if !Task.isCancelled { self.ring() }
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isRung = state.withLock { state in
          defer { state.isRung = false }
          if !state.isRung { state.waiter = continuation }
          return state.isRung
        }
        if isRung { continuation.resume() }
      }
    } onCancel: {
      self.ring()
    }
    alarm.cancel()
  }
}
