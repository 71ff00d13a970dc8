/// An encoder's output on disk: where each of its frames begins.
struct ADTSFile {
  let file: LocalFile
  /// Of every frame, and the end of the last.
  let offsets: [Int]
  let sampleRate: Int

  var frames: Int { offsets.count - 1 }

  /// Walks all headers in windows of 1 MiB.
  ///
  /// - Throws: `PackedAudioError` when the file is not one continuous stream of AAC-LC stereo at one sample rate.
  init(_ path: String, sampleRate: Int) throws {
    file = try LocalFile(reading: path)
    self.sampleRate = sampleRate
    var offsets = [0]
    var end = 0
    while end < file.size {
      let windowStart = end
      let window = try file.readNow(at: windowStart, count: 1 << 20)
      let isLast = windowStart + window.count >= file.size
      while end < file.size {
        let frame: ADTSFrame
        do { frame = try ADTSFrame(window[...], at: end - windowStart) } catch {
          // The window may have cut the frame; a window that begins with it cannot.
          if !isLast && end > windowStart { break }
          throw PackedAudioError(offset: end, problem: error.problem)
        }
        guard frame.objectType == 2, frame.sampleRate == sampleRate, frame.channels == 2 else {
          throw PackedAudioError(offset: end, problem: "a frame that is not AAC-LC stereo at \(sampleRate) Hz")
        }
        end += frame.length
        offsets.append(end)
      }
    }
    self.offsets = offsets
  }

  /// The bytes of a run of frames.
  func bytes(of frames: Range<Int>) throws -> [UInt8] {
    let start = offsets[frames.lowerBound]
    return try file.readNow(at: start, count: offsets[frames.upperBound] - start)
  }
}
