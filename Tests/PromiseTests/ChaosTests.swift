import Foundation
import PostgreSQL
import Testing

/// Short runs of Tests/Chaos, whose processes, faults and checker are real: the long ones are `make chaos`.
@Suite(.serialized) struct ChaosTests {
  @Test(.timeLimit(.minutes(5)))
  func `a storm of kills, freezes, cuts, lost answers, a full disk and a failover loses nothing acknowledged and records nothing twice`()
    throws
  {
    let run = try ChaosHarness.run("storm.py", ["--seconds", "24", "--seed", "4"])
    #expect(run.exitCode == 0, "\(run.output)")
    #expect(run.output.contains(" 0 violations"), "\(run.output)")
  }

  @Test(
    "An engine that was broken on purpose is caught by the checker of the storms", .timeLimit(.minutes(2)),
    arguments: ["fence": "zombie-write", "inbox": "lost-signal", "lease": "late-result", "twice": "event-twice"])
  func brokenEngine(fault: String, violation: String) throws {
    let run = try ChaosHarness.run("broken.py", ["--fault", fault])
    #expect(run.exitCode == 1, "\(run.output)")
    #expect(run.output.contains("\(fault): \(violation) found"), "\(run.output)")
  }
}

/// Runs a program of Tests/Chaos and waits for its end.
enum ChaosHarness {
  static func run(_ program: String, _ arguments: [String]) throws -> (exitCode: Int32, output: String) {
    let ends = try makePipe()
    defer { close(ends[0]) }
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Chaos").path
    // Debian's own interpreter: python3-psycopg2 is installed for that one.
    let process = try DetachedProcess.start(
      ["/usr/bin/python3", "-B", "\(folder)/\(program)", "--executable", try ProcessUnderTest.executable()] + arguments, output: ends[1])
    close(ends[1])
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(ends[0], &buffer, buffer.count)
      guard count > 0 else { break }
      output.append(contentsOf: buffer[..<count])
    }
    return (process.wait(), String(decoding: output, as: UTF8.self))
  }
}
