import CProcess
import Glibc
import Orchestrator

/// SIGTERM and SIGINT end a process in good order; a second one ends it at once.
struct ShutdownSignal: Sendable {
  private let descriptor: Int32

  /// From now on the signals are noted instead of ending the process.
  init() throws {
    descriptor = process_shutdown_descriptor()
    guard descriptor >= 0 else { throw UsageError("signals cannot be handled: \(String(cString: strerror(errno)))") }
  }

  /// Waits for the first signal.
  func wait() async {
    let descriptor = descriptor
    await withCheckedContinuation { continuation in
      startThread(named: "signals") {
        var count: UInt64 = 0
        while read(descriptor, &count, 8) < 0 && errno == EINTR {}
        continuation.resume()
      }
    }
  }
}
