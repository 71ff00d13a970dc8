import Glibc
import Orchestrator
import Synchronization

/// SIGTERM and SIGINT end a process in good order; a second one ends it at once.
enum ShutdownSignal {
  private static let count = Atomic<Int>(0)

  /// Waits for the first signal.
  static func wait() async {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    let set = signals
    await withCheckedContinuation { continuation in
      startThread(named: "signals") {
        var signals = set
        var received: Int32 = 0
        sigwait(&signals, &received)
        continuation.resume()
        sigwait(&signals, &received)
        _exit(130)
      }
    }
  }

  /// To be called before any thread starts: every thread then leaves the signals to the one that waits for them.
  static func block() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    signal(SIGPIPE, SIG_IGN)
  }
}
