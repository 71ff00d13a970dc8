import CProcess
import Glibc

/// A descriptor that is closed exactly once.
struct OwnedDescriptor: ~Copyable {
  let number: Int32

  init(_ number: Int32) { self.number = number }

  deinit { close(number) }
}

/// Both ends of a pipe: close-on-exec, the reading end non-blocking.
struct Pipe: ~Copyable {
  let reading: OwnedDescriptor
  let writing: OwnedDescriptor

  init() throws(SystemCallError) {
    var ends: [Int32] = [-1, -1]
    guard process_pipe(&ends) == 0 else { throw SystemCallError("pipe") }
    reading = OwnedDescriptor(ends[0])
    writing = OwnedDescriptor(ends[1])
  }

  /// Closes the writing end here, so that the reader sees the end when the child closes its copy.
  consuming func keepReading() -> OwnedDescriptor { reading }
}

/// A system call that failed: its name and errno's text.
struct SystemCallError: Error, CustomStringConvertible {
  let description: String

  init(_ call: String, _ number: Int32 = errno) { description = "\(call): \(String(cString: strerror(number)))" }
}

/// Rings once, from any thread, to tell the watching thread that the task was cancelled.
final class CancellationBell: Sendable {
  private let pipe: Pipe

  init() throws(SystemCallError) { pipe = try Pipe() }

  /// Readable from the first ring on.
  var descriptor: Int32 { pipe.reading.number }

  func ring() { _ = write(pipe.writing.number, "!", 1) }
}

/// A started child process: leader of its own group, with the reading ends of its two pipes.
struct SubprocessChild: ~Copyable {
  let process: pid_t
  let standardOutput: OwnedDescriptor
  let standardError: OwnedDescriptor
  /// Readable once the process has ended (and is not yet reaped).
  let ended: OwnedDescriptor

  /// Starts `command` with standard input from /dev/null, no other inherited descriptor, default signal handling and a minimal environment.
  init(command: [String], workingDirectory: String) throws(SystemCallError) {
    let output = try Pipe()
    let error = try Pipe()
    let started = try Self.spawn(command, workingDirectory, output: output.writing.number, error: error.writing.number)
    ended = try Self.openDescriptor(of: started)
    process = started
    standardOutput = output.keepReading()
    standardError = error.keepReading()
  }

  /// Signals every process of the group. Only valid until the leader is reaped: its entry keeps the group's number from being given to others.
  func signalGroup(_ signal: Int32) { kill(-process, signal) }

  /// A child that could not be watched is ended at once.
  private static func openDescriptor(of process: pid_t) throws(SystemCallError) -> OwnedDescriptor {
    let descriptor = process_descriptor_open(process)
    guard descriptor < 0 else { return OwnedDescriptor(descriptor) }
    let error = SystemCallError("pidfd_open")
    kill(-process, SIGKILL)
    waitpid(process, nil, 0)
    throw error
  }

  private static func spawn(
    _ command: [String], _ workingDirectory: String, output: Int32, error: Int32
  ) throws(SystemCallError) -> pid_t {
    let environment = ["PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/nonexistent"]
    var process: pid_t = 0
    let result = withCStrings(command) { arguments in
      withCStrings(environment) { process_spawn_in(&process, arguments, $0, workingDirectory, output, error) }
    }
    guard result == 0 else { throw SystemCallError("posix_spawn \(command[0])", result) }
    return process
  }

  /// Lends the strings as the null-terminated array of C strings that exec wants.
  private static func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    var pointers = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }  // never empty: it ends with nil
  }
}
