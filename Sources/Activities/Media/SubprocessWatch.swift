import CProcess
import Glibc

/// Watches one child from start to reaping with a single poll loop on the calling thread.
struct SubprocessWatch: ~Copyable {
  private let subprocess: Subprocess
  private let child: SubprocessChild
  private let bell: CancellationBell
  private let started = ContinuousClock.now
  private var deadline: ContinuousClock.Instant
  private var ending: Ending?
  private var killed = false
  private var outputBytes = 0
  private var outputOpen = true
  private var errorOpen = true
  private var tail = OutputTail(limit: 4096)
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)

  /// Why this program, and not the child itself, ended the run.
  private enum Ending {
    case cancelled
    case timedOut
    case outputTooLarge
    case consumerFailed(any Error)
  }

  init(_ subprocess: Subprocess, _ bell: CancellationBell) throws {
    self.subprocess = subprocess
    self.bell = bell
    deadline = started + subprocess.limits.wallTime
    do {
      child = try SubprocessChild(
        command: ProcessIsolation.detected.command(for: subprocess), workingDirectory: subprocess.workingDirectory)
    } catch {
      buffer.deallocate()
      throw SubprocessError(code: .couldNotStart, command: subprocess.commandLine, reason: error.description, standardErrorTail: "")
    }
  }

  deinit { buffer.deallocate() }

  /// The loop: waits for output, errors, the bell, the deadline or the end; then reaps.
  mutating func run(_ consume: (UnsafeRawBufferPointer) throws -> Void) throws -> SubprocessUsage {
    while true {
      let ready = wait()
      if ready.bell && ending == nil { end(.cancelled) }
      if ready.output { readOutput(consume) }
      if ready.error { readError() }
      if ContinuousClock.now >= deadline { passDeadline() }
      if ready.ended { break }
    }
    // The zombie leader still holds the group's number, so this reaches only its own grandchildren.
    child.signalGroup(SIGKILL)
    while outputOpen && readOutput(consume) {}
    while errorOpen && readError() {}
    return try reap()
  }

  private func wait() -> (output: Bool, error: Bool, ended: Bool, bell: Bool) {
    // A negative descriptor is skipped by poll: that is how closed pipes and a bell already heard are left out.
    var entries = [
      pollfd(fd: outputOpen ? child.standardOutput.number : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: errorOpen ? child.standardError.number : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: child.ended.number, events: Int16(POLLIN), revents: 0),
      pollfd(fd: ending == nil ? bell.descriptor : -1, events: Int16(POLLIN), revents: 0),
    ]
    let remaining = (deadline - ContinuousClock.now) / .milliseconds(1)
    let milliseconds = killed ? -1 : Int32(min(max(remaining.rounded(.up), 0), 3_600_000))
    guard poll(&entries, 4, milliseconds) > 0 else { return (false, false, false, false) }
    return (entries[0].revents != 0, entries[1].revents != 0, entries[2].revents != 0, entries[3].revents != 0)
  }

  /// False when there is nothing more to read now.
  @discardableResult
  private mutating func readOutput(_ consume: (UnsafeRawBufferPointer) throws -> Void) -> Bool {
    let count = read(child.standardOutput.number, buffer.baseAddress, buffer.count)
    guard count > 0 else {
      if count == 0 { outputOpen = false }
      return count < 0 && errno == EINTR
    }
    guard ending == nil else { return true }  // still read, so that a child that is asked to end does not hang on a full pipe
    outputBytes += count
    if outputBytes > subprocess.limits.outputBytes {
      end(.outputTooLarge)
      return true
    }
    do { try consume(UnsafeRawBufferPointer(rebasing: buffer[..<count])) } catch { end(.consumerFailed(error)) }
    return true
  }

  @discardableResult
  private mutating func readError() -> Bool {
    let count = read(child.standardError.number, buffer.baseAddress, buffer.count)
    guard count > 0 else {
      if count == 0 { errorOpen = false }
      return count < 0 && errno == EINTR
    }
    tail.append(buffer[..<count])
    return true
  }

  private mutating func end(_ reason: Ending) {
    ending = reason
    child.signalGroup(SIGTERM)
    deadline = .now + subprocess.limits.terminationGrace
  }

  private mutating func passDeadline() {
    guard !killed else { return }
    if ending == nil {
      end(.timedOut)
    } else {
      killed = true
      child.signalGroup(SIGKILL)
    }
  }

  private mutating func reap() throws -> SubprocessUsage {
    var end = process_end()
    guard process_reap(child.process, &end) == 0 else { throw SystemCallError("wait4") }
    let usage = SubprocessUsage(
      processorSeconds: end.processor_seconds, peakResidentBytes: Int(end.peak_resident_bytes),
      wallSeconds: (ContinuousClock.now - started) / .seconds(1), standardErrorTail: tail.text)
    try check(end)
    return usage
  }

  private func check(_ end: process_end) throws {
    switch ending {
    case .cancelled: throw CancellationError()
    case .consumerFailed(let error): throw error
    case .timedOut: throw failure(.timedOut, "ended after \(subprocess.limits.wallTime), the most it may take")
    case .outputTooLarge: throw failure(.outputTooLarge, "wrote more than \(subprocess.limits.outputBytes) bytes")
    case nil: break
    }
    if end.signal != 0 {
      if end.signal == SIGXCPU || (end.signal == SIGKILL && end.processor_seconds >= Double(subprocess.limits.processorSeconds)) {
        throw failure(.processorTimeExceeded, "used more than \(subprocess.limits.processorSeconds) s of processor time")
      }
      throw failure(.signalled, "ended by signal \(end.signal) (\(String(cString: strsignal(end.signal))))")
    }
    guard end.exit_status == 0 else { throw failure(.exited, "ended with exit status \(end.exit_status)") }
  }

  private func failure(_ code: SubprocessError.Code, _ reason: String) -> SubprocessError {
    SubprocessError(code: code, command: subprocess.commandLine, reason: reason, standardErrorTail: tail.text)
  }
}

/// The last bytes of a stream, in bounded memory.
struct OutputTail {
  let limit: Int
  private var bytes: [UInt8] = []

  init(limit: Int) { self.limit = limit }

  mutating func append(_ chunk: Slice<UnsafeMutableRawBufferPointer>) {
    bytes.append(contentsOf: chunk.suffix(limit))
    if bytes.count > limit { bytes.removeFirst(bytes.count - limit) }
  }

  /// As text without the control characters that could forge log lines or terminal commands; line ends stay.
  var text: String {
    let scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars.filter { $0 == "\n" || $0.properties.generalCategory != .control }
    return String(String.UnicodeScalarView(scalars)).trimmingPrefix { $0 == "\n" }.description
  }
}
