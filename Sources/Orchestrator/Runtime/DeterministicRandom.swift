/// Random numbers that every replay draws again: SplitMix64, seeded from the run's identifier.
public struct DeterministicRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed runID: RunID) {
    let bytes = withUnsafeBytes(of: runID.uuid.uuid) { Array($0) }
    state = bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

// A history that was copied.
extension WorkflowInstance {
  func draw(from reset: ResetOrigin) {
    seeds = reset.seeds[...]
    random = DeterministicRandom(seed: seeds.first?.runID ?? runID)
    reseed()
  }

  /// Steps that run again after a reset must not draw what they drew before.
  func reseed() {
    while let seed = seeds.first, eventID >= seed.until {
      seeds.removeFirst()
      random = DeterministicRandom(seed: seeds.first?.runID ?? runID)
    }
  }
}
