import Foundation
import Orchestrator
import Testing

@testable import Simulator

/// Whole clusters under faults, from seeds. A seed that fails here is replayed by `make simulate SEED=...`.
@Suite struct SimulationTests {
  init() { Log.setLevel(.none) }

  @Test("The promises hold for seeds that are the same everywhere")
  func fixedSeeds() {
    for seed in 1...40 { expectNoViolation(UInt64(seed)) }
  }

  @Test(
    "Seeds that once found something find nothing any more",
    arguments: [
      // Messages put aside for a paused run in the batch that ended it: the batch was refused for ever.
      61, 177, 426, 457, 840, 923,
      // A reset that was carried out in a slot that had left.
      852,
      // A start that waited for the end of a run, and then for ever.
      2001, 2559, 3977,
    ] as [UInt64])
  func foundBefore(_ seed: UInt64) { expectNoViolation(seed) }

  private func expectNoViolation(_ seed: UInt64) {
    let outcome = Simulation().run(seed: seed)
    #expect(outcome.violations.isEmpty, "make simulate SEED=\(seed): \(outcome.summary)")
  }

  @Test("A broken database is caught within 500 seeds", arguments: Sabotage.allCases.filter { ![.none, .lostFailure].contains($0) })
  func brokenVariants(_ sabotage: Sabotage) {
    let (broken, whole) = (Simulation(sabotage: sabotage), Simulation())
    let caught = (1...500).first { !broken.run(seed: $0).violations.isEmpty && whole.run(seed: $0).violations.isEmpty }
    #expect(caught != nil, "'\(sabotage)' was not caught: the checker is blind for it")
  }

  @Test("A seed gives the same steps in every process")
  func sameEverywhere() throws {
    let first = try Self.hashes()
    #expect(first.split(separator: "\n").count > 10)
    #expect(try Self.hashes() == first)
  }

  /// What another process says of the first seeds.
  private static func hashes() throws -> String {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: own).deletingLastPathComponent().appending(path: "Simulator")
    process.arguments = ["--seeds", "12", "--threads", "1", "--hashes"]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    // How long it took differs.
    return text.split(separator: "\n").filter { !$0.hasSuffix("seeds a minute") }.joined(separator: "\n")
  }
}
