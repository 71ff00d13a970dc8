import Foundation

@testable import Orchestrator

extension DeterministicRandom {
  /// The same numbers for the same seed.
  init(seed: UInt64) {
    let digits = String(seed, radix: 16)
    let text = "00000000-0000-7000-8000-" + String(repeating: "0", count: 12 - min(12, digits.count)) + digits.prefix(12)
    self.init(seed: RunID(text) ?? .generate())
  }
}
