/// A random generator whose seed repeats the run.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// The bytes cut into random pieces of 1 to `longest`.
func randomPieces(_ bytes: [UInt8], longest: Int, using generator: inout SplitMix64) -> [[UInt8]] {
  var pieces: [[UInt8]] = []
  var rest = bytes[...]
  while !rest.isEmpty {
    pieces.append(Array(rest.prefix(Int.random(in: 1...longest, using: &generator))))
    rest = rest.dropFirst(pieces[pieces.count - 1].count)
  }
  return pieces
}
