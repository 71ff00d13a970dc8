import CProcess
import Foundation

/// A child in a process group of its own, so that Ctrl-C at the terminal does not reach it.
package struct DetachedProcess: Sendable {
  package let identifier: pid_t

  /// Starts a program with a minimal environment; its output goes to the descriptor.
  package static func start(_ command: [String], input: Int32? = nil, output: Int32) throws -> DetachedProcess {
    let silence = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(silence) }
    let variables: [String] = ["PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"]
    let arguments = command.map { (text: String) in strdup(text) } + [nil]
    let environment = variables.map { (text: String) in strdup(text) } + [nil]
    defer { for text in arguments + environment { free(text) } }
    var identifier: pid_t = 0
    let failure = process_spawn_detached(&identifier, command[0], arguments, environment, input ?? silence, output)
    guard failure == 0 else {
      throw DatabaseError(.clusterFailed, "cannot start \(command[0]): \(String(cString: strerror(failure)))")
    }
    return DetachedProcess(identifier: identifier)
  }

  /// Waits for the end; the exit code, or 128 plus the signal.
  package func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) == -1, errno == EINTR {}
    return Self.exitCode(status)
  }

  /// The exit code when it has ended (and nobody else reaped it), nil while it runs.
  package func exitCodeIfEnded() -> Int32? {
    var status: Int32 = 0
    return waitpid(identifier, &status, WNOHANG) == identifier ? Self.exitCode(status) : nil
  }

  private static func exitCode(_ status: Int32) -> Int32 {
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}
