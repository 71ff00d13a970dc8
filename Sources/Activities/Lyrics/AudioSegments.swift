/// Cuts long audio at its quietest places, so that the decoder's memory is bounded and cancellation is noticed soon.
enum AudioSegments {
  static let minimumSeconds = 12
  static let maximumSeconds = 24
  private static let blockSamples = SpeechAudio.sampleRate / 20

  /// Consecutive ranges of samples that cover all of them.
  static func ranges(of samples: [Int16]) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    while samples.count - start > maximumSeconds * SpeechAudio.sampleRate {
      let candidates = (start + minimumSeconds * SpeechAudio.sampleRate)..<(start + maximumSeconds * SpeechAudio.sampleRate)
      let cut = quietestBlock(of: samples, in: candidates) + blockSamples / 2
      ranges.append(start..<cut)
      start = cut
    }
    if start < samples.count { ranges.append(start..<samples.count) }
    return ranges
  }

  private static func quietestBlock(of samples: [Int16], in candidates: Range<Int>) -> Int {
    var (quietest, lowestEnergy) = (candidates.lowerBound, Int64.max)
    for block in stride(from: candidates.lowerBound, to: candidates.upperBound - blockSamples, by: blockSamples) {
      var energy: Int64 = 0
      for index in block..<(block + blockSamples) { energy += Int64(samples[index]) * Int64(samples[index]) }
      if energy < lowestEnergy { (quietest, lowestEnergy) = (block, energy) }
    }
    return quietest
  }
}
