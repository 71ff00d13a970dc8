extension Lyrics {
  /// The lyrics as an LRC file; LRC has hundredths of a second, so times are rounded down to 10 ms.
  ///
  /// An empty stamp ends a line that is followed by a pause, which players show as a blank.
  public func lrc(title: String? = nil, artist: String? = nil) -> String {
    var output = ""
    if let title { output += "[ti:\(Self.lrcTag(title))]\n" }
    if let artist { output += "[ar:\(Self.lrcTag(artist))]\n" }
    for (index, line) in lines.enumerated() {
      output += "[\(Self.lrcStamp(line.startMilliseconds))]\(line.text)\n"
      let next = index + 1 < lines.count ? lines[index + 1].startMilliseconds : Int.max
      if line.endMilliseconds < next { output += "[\(Self.lrcStamp(line.endMilliseconds))]\n" }
    }
    return output
  }

  /// The lyrics as WebVTT with a cue per line and, where words are known, a timestamp tag before each word after the first.
  public func webVTT() -> String {
    var output = "WEBVTT\n"
    for (index, line) in lines.enumerated() {
      let times = "\(Self.webVTTStamp(line.startMilliseconds)) --> \(Self.webVTTStamp(line.endMilliseconds))"
      output += "\n\(index + 1)\n\(times)\n\(Self.webVTTPayload(line))\n"
    }
    return output
  }

  private static func webVTTPayload(_ line: LyricsLine) -> String {
    guard let words = line.words, !words.isEmpty else { return webVTTEscaped(line.text) }
    var payload = ""
    var latest = line.startMilliseconds
    for (index, word) in words.enumerated() {
      if index > 0 { payload += " " }
      // A timestamp tag must lie inside the cue and after the one before it; otherwise parsers drop the cue text's timing.
      if word.startMilliseconds > latest, word.startMilliseconds < line.endMilliseconds {
        payload += "<\(webVTTStamp(word.startMilliseconds))>"
        latest = word.startMilliseconds
      }
      payload += webVTTEscaped(word.text)
    }
    return payload
  }

  private static func webVTTEscaped(_ text: String) -> String {
    var escaped = ""
    for character in text {
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      default: escaped.append(character)
      }
    }
    return escaped
  }

  private static func lrcTag(_ text: String) -> String {
    String(text.map { $0.isNewline || $0 == "[" || $0 == "]" ? " " : $0 })
  }

  private static func lrcStamp(_ milliseconds: Int) -> String {
    let minutes = milliseconds / 60_000
    return "\(padded(minutes, 2)):\(padded(milliseconds / 1000 % 60, 2)).\(padded(milliseconds / 10 % 100, 2))"
  }

  private static func webVTTStamp(_ milliseconds: Int) -> String {
    let hours = milliseconds / 3_600_000
    let minutes = milliseconds / 60_000 % 60
    return "\(padded(hours, 2)):\(padded(minutes, 2)):\(padded(milliseconds / 1000 % 60, 2)).\(padded(milliseconds % 1000, 3))"
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
