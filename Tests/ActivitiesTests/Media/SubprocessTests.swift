import Foundation
import TestSupport
import Testing

@testable import Activities

@Suite struct SubprocessTests {
  let scratch = try! Scratch()  // a test without a temporary folder cannot run at all

  private func shell(_ script: String, _ limits: SubprocessLimits = SubprocessLimits()) -> Subprocess {
    Subprocess("/bin/sh", ["-c", script], in: scratch.path, limits: limits)
  }

  @Test func `standard output arrives whole and usage is measured`() async throws {
    let (bytes, usage) = try await shell("head -c 3000000 /dev/zero; echo done >&2").output()
    #expect(bytes.count == 3_000_000)
    #expect(usage.standardErrorTail == "done\n")
    #expect(usage.peakResidentBytes > 100_000)
    #expect(usage.wallSeconds > 0)
  }

  @Test func `a slow consumer stops the child instead of filling memory`() async throws {
    let chunks = try await shell("head -c 2000000 /dev/zero").reduce(into: [Int]()) { chunks, bytes in
      chunks.append(bytes.count)
      // Being slow is what is tested.
      if chunks.count < 5 { usleep(20_000) }
    }.state
    #expect(chunks.reduce(0, +) == 2_000_000)
    #expect((chunks.max() ?? 0) <= 64 * 1024)
  }

  @Test func `the child inherits nothing but its own folder and a minimal environment`() async throws {
    let (bytes, _) = try await shell("pwd; env | sort; ls /proc/self/fd | wc -l; cat; ulimit -n").output()
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    #expect(
      lines.first.map { URL(filePath: $0).resolvingSymlinksInPath().path } == URL(filePath: scratch.path).resolvingSymlinksInPath().path)
    #expect(
      lines.filter { $0.contains("=") && !$0.hasPrefix("PWD=") && !$0.hasPrefix("_=") && !$0.hasPrefix("OLDPWD=") }
        == ["HOME=/nonexistent", "LANG=C.UTF-8", "PATH=/usr/bin:/bin"])
    #expect(lines.suffix(2).first == "4")  // the three standard ones and the folder that ls itself reads
    #expect(lines.last == "64")
  }

  @Test func `a child has no network where the kernel allows it, and says so where not`() async throws {
    guard ProcessIsolation.detected.hasOwnNetwork else {
      #expect(ProcessIsolation.detected.explanation.contains("whitelist"))
      return
    }
    let (bytes, _) = try await shell("cat /proc/net/dev").output()
    let interfaces = String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst(2)
    #expect(interfaces.allSatisfy { $0.contains("lo:") })
  }

  @Test func `a child has no capabilities and can gain none`() async throws {
    let (bytes, _) = try await shell("grep -E 'CapEff|NoNewPrivs' /proc/self/status").output()
    #expect(
      String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace) == ["CapEff:", "0000000000000000", "NoNewPrivs:", "1"])
  }

  @Test func `a child ends with its parent, even when that is killed`() async throws {
    try #require(ProcessIsolation.detected.endsWithParent)
    let command = ProcessIsolation.detected.command(for: Subprocess("/bin/sleep", ["600"], in: "/"))
    // The shell stands for this program: it starts the command, says its number and waits.
    let parent = try SubprocessChild(command: ["/bin/sh", "-c", "\"$@\" & echo $!; wait", "sh"] + command, workingDirectory: "/")
    var text = ""
    try await eventually("the child is started") {
      var buffer = [UInt8](repeating: 0, count: 32)
      let count = read(parent.standardOutput.number, &buffer, buffer.count)
      if count > 0 { text += String(decoding: buffer.prefix(count), as: UTF8.self) }
      return text.hasSuffix("\n")
    }
    let process = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    try await eventually("the child runs its program") {
      (try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)) == "sleep\n"
    }
    kill(parent.process, SIGKILL)
    waitpid(parent.process, nil, 0)
    try await eventually("the child is gone") { !isRunning(process) }
  }

  @Test func `a failing child is reported with its command, status and last words`() async throws {
    let error = await failure { try await shell("head -c 100000 /dev/zero | tr '\\0' x >&2; echo; echo the reason >&2; exit 7").run() }
    #expect(error?.code == .exited)
    #expect(error?.reason == "ended with exit status 7")
    #expect(error?.standardErrorTail.hasSuffix("the reason\n") == true)
    #expect((error?.standardErrorTail.utf8.count ?? 0) <= 4096)
    #expect(error?.command.hasPrefix("sh -c") == true)
  }

  @Test func `a program that does not exist is an error that names it`() async throws {
    let error = await failure { try await Subprocess("/no/such/program", [], in: scratch.path).run() }
    #expect(error?.standardErrorTail.contains("/no/such/program") == true || error?.reason.contains("/no/such/program") == true)
  }

  @Test func `a missing working directory is an error`() async throws {
    let error = await failure { try await Subprocess("/bin/true", [], in: "/no/such/folder").run() }
    #expect(error?.code == .couldNotStart)
  }

  @Test func `processor time, file size, address space, output and wall time are limited`() async throws {
    var limits = SubprocessLimits()
    limits.processorSeconds = 1
    #expect(await failure { try await shell("while :; do :; done", limits).run() }?.code == .processorTimeExceeded)

    limits = SubprocessLimits()
    limits.fileSizeBytes = 10_000
    #expect(await failure { try await shell("exec head -c 100000 /dev/zero > big", limits).run() }?.reason.contains("signal 25") == true)

    limits = SubprocessLimits()
    limits.addressSpaceBytes = 64 << 20
    #expect(await failure { try await Subprocess("/usr/bin/ffmpeg", ["-version"], in: scratch.path, limits: limits).run() } != nil)

    limits = SubprocessLimits()
    limits.outputBytes = 1000
    #expect(await failure { try await shell("yes", limits).run() }?.code == .outputTooLarge)

    limits = SubprocessLimits()
    limits.wallTime = .milliseconds(200)
    #expect(await failure { try await shell("exec cat /dev/zero > /dev/null", limits).run() }?.code == .timedOut)
  }

  @Test func `an error of the consumer ends the child and is thrown on`() async throws {
    struct Enough: Error {}
    await #expect(throws: Enough.self) { _ = try await shell("yes").reduce(into: ()) { _, _ in throw Enough() } }
  }

  /// The child starts a grandchild; both ignore SIGTERM when `stubborn`.
  @Test(arguments: [false, true])
  func `cancelling the task ends the whole process group within the grace`(stubborn: Bool) async throws {
    var limits = SubprocessLimits()
    limits.terminationGrace = .milliseconds(500)
    let trap = stubborn ? "trap '' TERM; " : ""
    let command = shell(
      "\(trap)(\(trap)echo $(exec sh -c 'echo $PPID'); while :; do sleep 1; done) & echo $$; wait; while :; do sleep 1; done", limits)
    let (processes, report) = AsyncStream<pid_t>.makeStream()
    let task = Task {
      try await command.reduce(into: "") { line, bytes in
        line += String(decoding: bytes, as: UTF8.self)
        while let end = line.firstIndex(of: "\n") {
          if let process = pid_t(line[..<end]) { report.yield(process) }
          line = String(line[line.index(after: end)...])
        }
      }
    }
    var seen: [pid_t] = []
    for await process in processes {
      seen.append(process)
      if seen.count == 2 { break }
    }
    #expect(seen.allSatisfy { kill($0, 0) == 0 })
    let cancelled = ContinuousClock.now
    task.cancel()
    await #expect(throws: CancellationError.self) { _ = try await task.value }
    let took = ContinuousClock.now - cancelled
    #expect(took < .seconds(30), "took \(took)")
    if stubborn { #expect(took >= .milliseconds(490)) }
    for process in seen { try await eventually("no child is left") { !isRunning(process) } }
  }

  @Test func `a grandchild that outlives its parent is ended, not waited for`() async throws {
    let (bytes, usage) = try await shell("sleep 600 & echo $!").output()
    let grandchild = try #require(pid_t(String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(usage.wallSeconds < 60)
    try await eventually("the grandchild is gone") { !isRunning(grandchild) }
  }

  @Test func `nothing is started for a task that is already cancelled`() async throws {
    let marker = scratch.path + "/started"
    let command = shell("touch \(marker)")
    let gate = AsyncStream<Void>.makeStream()
    let task = Task {
      for await _ in gate.stream {}
      try await command.run()
    }
    task.cancel()
    gate.continuation.finish()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(!FileManager.default.fileExists(atPath: marker))
  }

  private func failure(_ body: () async throws -> Void) async -> SubprocessError? {
    do {
      try await body()
      return nil
    } catch { return error as? SubprocessError }
  }

  /// False also for a zombie that waits to be reaped by init.
  private func isRunning(_ process: pid_t) -> Bool {
    guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
    return status.split(separator: ")").last?.split(separator: " ").first != "Z"
  }
}
