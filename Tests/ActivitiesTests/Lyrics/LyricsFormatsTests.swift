import Testing
import Workflows

@Suite struct LyricsFormatsTests {
  let lyrics = Lyrics(
    lines: [
      LyricsLine(
        startMilliseconds: 1_239, endMilliseconds: 2_000, text: "Rock & roll",
        words: [
          LyricsWord(startMilliseconds: 1_239, endMilliseconds: 1_400, text: "Rock"),
          LyricsWord(startMilliseconds: 1_400, endMilliseconds: 1_500, text: "&"),
          LyricsWord(startMilliseconds: 1_500, endMilliseconds: 2_000, text: "roll"),
        ]),
      LyricsLine(startMilliseconds: 2_000, endMilliseconds: 2_500, text: "I <3 you"),
      LyricsLine(startMilliseconds: 3_725_042, endMilliseconds: 3_726_000, text: "The end"),
    ], source: .aligned, model: "test")

  @Test func `LRC has hundredths, tags, and a blank stamp only before a pause`() {
    #expect(
      lyrics.lrc(title: "A]\n[B", artist: "C") == """
        [ti:A   B]
        [ar:C]
        [00:01.23]Rock & roll
        [00:02.00]I <3 you
        [00:02.50]
        [62:05.04]The end
        [62:06.00]

        """)
  }

  @Test func `WebVTT has milliseconds, escaped text and a stamp before each later word`() {
    #expect(
      lyrics.webVTT() == """
        WEBVTT

        1
        00:00:01.239 --> 00:00:02.000
        Rock <00:00:01.400>&amp; <00:00:01.500>roll

        2
        00:00:02.000 --> 00:00:02.500
        I &lt;3 you

        3
        01:02:05.042 --> 01:02:06.000
        The end

        """)
  }
}
