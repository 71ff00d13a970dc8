import Foundation

/// What one child process may use at most; each limit is enforced by the kernel or by the thread that watches the child.
public struct SubprocessLimits: Sendable {
  /// Wall-clock time from start to end. Default 10 minutes.
  public var wallTime: Duration = .seconds(600)
  /// Processor time in seconds, over all threads. Default 300.
  public var processorSeconds = 300
  /// Address space in bytes. Default 1 GiB: ffmpeg 5.1 cannot even load its libraries in 256 MiB.
  public var addressSpaceBytes = 1 << 30
  /// The largest file it may write, in bytes. Default 1 GiB.
  public var fileSizeBytes = 1 << 30
  /// Open descriptors. Default 64.
  public var openFiles = 64
  /// The most it may write to standard output, in bytes. Default unlimited, because output is streamed and never kept.
  public var outputBytes = Int.max
  /// From SIGTERM to SIGKILL after a cancellation or a passed limit. Default 1 second.
  public var terminationGrace: Duration = .seconds(1)

  public init() {}
}

/// One run of an external program as a contained child process: own process group, no inherited descriptors, empty environment, resource limits, no network.
///
/// There is no limit on the number of processes: RLIMIT_NPROC counts all processes of the user, this program's threads included, so it would punish the wrong one.
public struct Subprocess: Sendable {
  /// Absolute path of the program.
  public let program: String
  public let arguments: [String]
  /// The child's working directory: the scratch folder of the step, which its owner deletes.
  public let workingDirectory: String
  public let limits: SubprocessLimits

  public init(_ program: String, _ arguments: [String], in workingDirectory: String, limits: SubprocessLimits = SubprocessLimits()) {
    self.program = program
    self.arguments = arguments
    self.workingDirectory = workingDirectory
    self.limits = limits
  }

  /// Runs to the end and throws standard output away.
  @discardableResult
  public func run() async throws -> SubprocessUsage {
    try await reduce(into: ()) { _, _ in }.usage
  }

  /// Runs to the end and returns all of standard output, at most `limits.outputBytes`.
  public func output() async throws -> (bytes: [UInt8], usage: SubprocessUsage) {
    let (bytes, usage) = try await reduce(into: [UInt8]()) { $0.append(contentsOf: $1) }
    return (bytes, usage)
  }

  /// Folds standard output into `state`, chunk by chunk, on the thread that watches the child.
  ///
  /// Back-pressure is the pipe itself: while `consume` works, nothing is read, the pipe fills and the child waits.
  /// Cancelling the calling task ends the whole process group: SIGTERM, and SIGKILL after the grace.
  ///
  /// - Throws: `SubprocessError`, `CancellationError`, or what `consume` threw (the child is ended first).
  public func reduce<State: Sendable>(
    into state: State, _ consume: @escaping @Sendable (inout State, UnsafeRawBufferPointer) throws -> Void
  ) async throws -> (state: State, usage: SubprocessUsage) {
    try Task.checkCancellation()
    let bell = try CancellationBell()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
          var state = state
          continuation.resume(
            with: Result {
              let usage = try watch(bell) { try consume(&state, $0) }
              return (state, usage)
            })
        }
      }
    } onCancel: {
      bell.ring()
    }
  }

  /// Blocks the current thread until the child is gone; only ever called on a thread of its own.
  private func watch(_ bell: CancellationBell, _ consume: (UnsafeRawBufferPointer) throws -> Void) throws -> SubprocessUsage {
    var watch = try SubprocessWatch(self, bell)
    return try watch.run(consume)
  }

  /// The command as a person would type it, cut to a length that fits a log line.
  var commandLine: String {
    let text = ([(program as NSString).lastPathComponent] + arguments).joined(separator: " ")
    return text.count <= 500 ? text : text.prefix(500) + "…"
  }
}
