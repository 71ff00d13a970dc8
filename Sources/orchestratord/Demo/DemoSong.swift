import Activities
import Foundation

/// The song of the demo: a voice by flite that speaks its lyrics over synthesised chords, as an MP3.
struct DemoSong {
  static let lyrics = [
    "we will walk along the river", "and the morning light will find us", "every road is leading homeward",
    "and the stars are bright above us", "hold my hand and sing together", "until the night has gone behind us",
  ]

  let path: String

  /// Makes the song in the folder.
  /// - Throws: `SubprocessError` when flite or ffmpeg is missing or fails.
  init(in folder: String) async throws {
    path = folder + "/demo-song.mp3"
    let gap = 4.6
    var inputs = ["-f", "lavfi", "-i", Self.chords]
    var filters: [String] = []
    for (index, line) in Self.lyrics.enumerated() {
      let voice = folder + "/line-\(index).wav"
      try await Subprocess("/usr/bin/flite", ["-voice", "slt", "-t", line, "-o", voice], in: folder).run()
      inputs += ["-i", voice]
      let start = Int((1.5 + Double(index) * gap) * 1000)
      filters.append("[\(index + 1):a]aresample=44100,adelay=\(start)|\(start),volume=2.2[v\(index)]")
    }
    let voices = (0..<Self.lyrics.count).map { "[v\($0)]" }.joined()
    let mix = "[0:a]\(voices)amix=inputs=\(Self.lyrics.count + 1):duration=first:normalize=0,alimiter=limit=0.9[out]"
    let arguments =
      ["-v", "error", "-nostdin", "-y"] + inputs
      + ["-filter_complex", (filters + [mix]).joined(separator: ";"), "-map", "[out]", "-ac", "2", "-ar", "44100"]
      + ["-metadata", "title=Morning River", "-metadata", "artist=The Demo Voices", "-c:a", "libmp3lame", "-b:a", "160k", path]
    try await Subprocess("/usr/bin/ffmpeg", arguments, in: folder).run()
  }

  /// Thirty seconds of quiet chords, a new one every five seconds.
  private static let chords: String = {
    let roots = [220.0, 174.61, 130.81, 196.0, 220.0, 174.61]
    let terms = roots.enumerated().map { index, root in
      let window = "between(t,\(index * 5),\(index * 5 + 5))*min(1,mod(t,5)*2)"
      return "\(window)*(sin(2*PI*\(root)*t)+sin(2*PI*\(root * 1.5)*t)*0.6+sin(2*PI*\(root * 2)*t)*0.3)"
    }
    // A comma would end the filter: inside the expression it is escaped.
    let expression = terms.joined(separator: "+").replacingOccurrences(of: ",", with: "\\,")
    return "aevalsrc=0.012*(\(expression)):s=44100:d=30"
  }()
}
