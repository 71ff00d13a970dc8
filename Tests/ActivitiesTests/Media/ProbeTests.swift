import Foundation
import Testing
import Workflows

@testable import Activities

@Suite struct ProbeTests {
  let scratch: Scratch
  let fixtures: AudioFixtures

  init() throws {
    scratch = try Scratch()
    fixtures = AudioFixtures(scratch: scratch)
  }

  private func probe(_ path: String, _ type: MediaType, _ limits: ProbeLimits = ProbeLimits()) async throws -> MediaProbe {
    try await Probe(limits: limits).run(path, as: type, in: scratch.path) { _ in }
  }

  private func refusal(_ path: String, _ type: MediaType, _ limits: ProbeLimits = ProbeLimits()) async -> MediaError? {
    do {
      let probe = try await probe(path, type, limits)
      Issue.record("accepted: \(probe)")
      return nil
    } catch {
      if !(error is MediaError) { Issue.record("not a refusal: \(error)") }
      return error as? MediaError
    }
  }

  // MARK: - What is accepted

  @Test(arguments: MediaType.allCases, [44_100, 48_000])
  func `every accepted type is measured to within one codec frame`(type: MediaType, rate: Int) async throws {
    let result = try await probe(try await fixtures.tone(as: type, seconds: 3, rate: rate), type)
    let slack = type == .wav || type == .flac ? 0 : 2400
    #expect(abs(result.decodedSamples - 3 * rate) <= slack)
    #expect(abs(result.durationMilliseconds - 3000) <= 55)
    #expect(result.sampleRate == rate)
    #expect(result.channels == 2)
    #expect(result.format == type.format)
    #expect(result.bitRate > 20_000)
  }

  @Test func `an MP3 without a Xing header gets its true length from the decode`() async throws {
    let sounds = ["-f", "lavfi", "-i", "aevalsrc=if(lt(t\\,2)\\,0\\,random(0)-0.5):d=12:s=44100"]
    let path = try await fixtures.ffmpeg(
      sounds + ["-c:a", "libmp3lame", "-q:a", "2", "-write_xing", "0", "-id3v2_version", "0"], to: "vbr.mp3")
    let result = try await probe(path, .mpeg)
    #expect(abs(result.durationMilliseconds - 12_000) <= 60)
  }

  @Test func `tags arrive bounded, clean and with the artist's own letters`() async throws {
    let tags = ["title": "Ночь  \u{202E}gnos", "artist": String(repeating: "ä", count: 3000), "album": "  ", "language": "eng"]
    let arguments = tags.flatMap { ["-metadata", "\($0.key)=\($0.value)"] }
    for (type, name) in [(MediaType.mpeg, "t.mp3"), (.flac, "t.flac"), (.mp4, "t.m4a")] {
      let path = try await fixtures.ffmpeg(["-f", "lavfi", "-i", "sine=d=1"] + arguments, to: name)
      let result = try await probe(path, type)
      #expect(result.tags.title == "Ночь  gnos")
      #expect(result.tags.artist == String(repeating: "ä", count: 500))
      #expect(result.tags.album == nil)
      if type != .mp4 { #expect(result.tags.language == "eng") }
    }
  }

  @Test func `an MP3 with cover art is a song and not a video`() async throws {
    let arguments = [
      "-f", "lavfi", "-i", "sine=d=2", "-f", "lavfi", "-i", "color=red:s=320x320:d=0.04", "-map", "0", "-map", "1", "-frames:v", "1",
    ]
    let path = try await fixtures.ffmpeg(arguments + ["-c:v", "mjpeg", "-disposition:v", "attached_pic"], to: "cover.mp3")
    #expect(try await probe(path, .mpeg).codec == "mp3")
  }

  @Test func `silence, mono, low rates and speech are sound too`() async throws {
    let silence = try await fixtures.ffmpeg(["-f", "lavfi", "-i", "anullsrc=r=22050:cl=mono", "-t", "2"], to: "silence.mp3")
    #expect(try await probe(silence, .mpeg).channels == 1)
    let quiet = try await fixtures.ffmpeg(["-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "2", "-c:a", "pcm_u8"], to: "silence.wav")
    #expect(try await probe(quiet, .wav).sampleRate == 8000)
    let spoken = try await fixtures.ffmpeg(["-f", "lavfi", "-i", "flite=text='we will walk':voice=slt"], to: "speech.wav")
    #expect(try await probe(spoken, .wav).durationMilliseconds > 500)
  }

  @Test func `a WAV written to a pipe, without lengths, is accepted`() async throws {
    let path = scratch.file("piped.wav")
    try await Subprocess(
      "/bin/sh", ["-c", "ffmpeg -v error -f lavfi -i sine=d=2 -f wav - > \(path)"], in: scratch.path
    ).run()
    #expect(try await probe(path, .wav).durationMilliseconds == 2000)
  }

  @Test func `an MP3 with junk before and after the sound is accepted`() async throws {
    let sound = try scratch.read(URL(filePath: try await fixtures.tone(as: .mpeg, seconds: 5)).lastPathComponent)
    let junk = [UInt8](repeating: 0, count: 3000)
    let path = try scratch.write(sound + Array("TAG".utf8) + [UInt8](repeating: 65, count: 125) + junk, "junk.mp3")
    #expect(try await probe(path, .mpeg).durationMilliseconds >= 4900)
  }

  @Test func `an MP3 with a few bad frames is accepted, one with a quarter of noise is refused`() async throws {
    let seed: UInt64 = 21
    var generator = SeededGenerator(seed: seed)
    var sound = try scratch.read(URL(filePath: try await fixtures.tone(as: .mpeg, seconds: 25)).lastPathComponent)
    let noise = (0..<sound.count / 4).map { _ in UInt8.random(in: 0...255, using: &generator) }
    sound.insert(contentsOf: noise.prefix(1000), at: sound.count / 2)
    #expect(try await probe(try scratch.write(sound, "scratched.mp3"), .mpeg).durationMilliseconds > 24_000, "seed \(seed)")
    sound.replaceSubrange(sound.count / 3..<sound.count / 3 + noise.count, with: noise)
    #expect(await refusal(try scratch.write(sound, "noisy.mp3"), .mpeg)?.code == .damaged, "seed \(seed)")
  }

  // MARK: - What is refused

  @Test func `an empty file is refused for every type`() async throws {
    let path = try scratch.write([], "empty")
    for type in MediaType.allCases { #expect(await refusal(path, type)?.code == .emptyFile) }
  }

  @Test func `a file cut in half is refused where the container knows its length`() async throws {
    for type in [MediaType.wav, .flac, .mp4] {
      let path = try await fixtures.tone(as: type, seconds: 20)
      let whole = try scratch.read(URL(filePath: path).lastPathComponent)
      let half = try scratch.write(Array(whole.prefix(whole.count / 2)), "half")
      let code = await refusal(half, type)?.code
      #expect(code == .truncated || code == .damaged, "\(type): \(String(describing: code))")
    }
    let path = try await fixtures.tone(as: .mpeg, seconds: 20)
    let whole = try scratch.read(URL(filePath: path).lastPathComponent)
    #expect(await refusal(try scratch.write(Array(whole.prefix(whole.count / 2)), "half.mp3"), .mpeg)?.code == .truncated)
  }

  @Test func `text, an archive and random bytes are refused whatever they call themselves`() async throws {
    var generator = SeededGenerator(seed: 7)
    let hostile = [
      ("text", Array(String(repeating: "hello world, this is no song\n", count: 500).utf8)),
      ("zip", Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 5000)),
      ("random", (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &generator) }),
      ("zeros", [UInt8](repeating: 0, count: 50_000)),
    ]
    for (name, bytes) in hostile {
      let path = try scratch.write(bytes, name + ".mp3")
      for type in MediaType.allCases { #expect(await refusal(path, type) != nil, "\(name) as \(type)") }
    }
  }

  @Test func `a WAV header followed by a script is refused`() async throws {
    let script = Array(String(repeating: "#!/bin/sh\nrm -rf /\n", count: 3000).utf8)
    let sound = try scratch.read(URL(filePath: try await fixtures.tone(as: .wav, seconds: 3)).lastPathComponent)
    let header = try #require(WaveHeader(sound))
    let honest = try scratch.write(Array(sound.prefix(header.dataOffset)) + script, "long.wav")
    #expect(await refusal(honest, .wav)?.code == .truncated)
    var fitting = Array(sound.prefix(header.dataOffset)) + script
    for index in 0..<4 { fitting[header.dataOffset - 4 + index] = UInt8(truncatingIfNeeded: script.count >> (8 * index)) }
    #expect(await refusal(try scratch.write(fitting, "fitting.wav"), .wav)?.code == .notSound)
  }

  @Test func `a WAV header that claims 4 GB is refused at once`() async throws {
    var sound = try scratch.read(URL(filePath: try await fixtures.tone(as: .wav, seconds: 1)).lastPathComponent)
    let header = try #require(WaveHeader(sound))
    for (index, byte) in [0x00, 0xFF, 0xFF, 0xFF].enumerated() { sound[header.dataOffset - 4 + index] = UInt8(byte) }
    let error = await refusal(try scratch.write(sound, "claim.wav"), .wav)
    #expect(error?.code == .truncated)
    #expect(error?.description.contains("4294967040") == true)
  }

  @Test func `a video is refused with and without sound`() async throws {
    let picture = ["-f", "lavfi", "-i", "testsrc=d=1:s=64x64"]
    let silent = try await fixtures.ffmpeg(picture + ["-pix_fmt", "yuv420p"], to: "silent.mp4")
    #expect(await refusal(silent, .mp4)?.code == .containsVideo)
    let loud = try await fixtures.ffmpeg(picture + ["-f", "lavfi", "-i", "sine=d=1", "-pix_fmt", "yuv420p"], to: "loud.mp4")
    #expect(await refusal(loud, .mp4)?.code == .containsVideo)
  }

  @Test func `two sound tracks are refused`() async throws {
    let path = try await fixtures.ffmpeg(
      ["-f", "lavfi", "-i", "sine=d=1", "-f", "lavfi", "-i", "sine=f=600:d=1", "-map", "0", "-map", "1"], to: "two.m4a")
    #expect(await refusal(path, .mp4)?.code == .severalAudioStreams)
  }

  @Test func `a wrong declared type is refused with the true one named`() async throws {
    let wav = try await fixtures.tone(as: .wav, seconds: 1)
    let error = await refusal(wav, .mpeg)
    #expect(error?.code == .contentDoesNotMatchType)
    #expect(error?.description.contains("audio/x-wav") == true)
    for type in [MediaType.flac, .mp4, .aac] { #expect(await refusal(wav, type)?.code == .contentDoesNotMatchType) }
  }

  @Test func `a track may be neither too short nor too long`() async throws {
    let short = try await fixtures.tone(as: .wav, seconds: 0.2)
    #expect(await refusal(short, .wav)?.code == .tooShort)
    var limits = ProbeLimits()
    limits.maximumDuration = .seconds(2)
    let long = try await fixtures.tone(as: .flac, seconds: 5)
    #expect(await refusal(long, .flac, limits)?.code == .tooLong)
  }

  @Test func `a failing tool is not blamed on the file`() async throws {
    let path = try await fixtures.tone(as: .wav, seconds: 1)
    await #expect(throws: SubprocessError.self) { _ = try await Probe().run(path, as: .wav, in: "/no/such/folder") { _ in } }
  }

  // MARK: - Declared types

  @Test(arguments: [
    ("audio/mpeg", MediaType.mpeg), ("AUDIO/MP3", .mpeg), ("audio/x-wav; codecs=1", .wav), ("audio/wave", .wav), ("audio/x-flac", .flac),
    ("audio/x-m4a", .mp4), (" audio/mp4 ", .mp4), ("audio/aacp", .aac),
  ])
  func `usual names of the accepted types are understood`(declared: String, type: MediaType) throws {
    #expect(try MediaType(declared: declared) == type)
  }

  @Test(arguments: ["", "audio", "audio/ogg", "video/mp4", "text/html", "audio/mpeg/x", "аudio/mpeg"])
  func `other types are refused with the list of accepted ones`(declared: String) {
    let error = #expect(throws: MediaError.self) { try MediaType(declared: declared) }
    #expect(error?.description.contains("audio/mpeg, audio/wav, audio/flac, audio/mp4, audio/aac") == true)
  }
}
