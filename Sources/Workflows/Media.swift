/// What was found out about an audio file by decoding all of it.
public struct MediaProbe: Codable, Sendable, Equatable {
  /// Exact length by the count of decoded samples, in milliseconds; what the container claims may be an estimate.
  public var durationMilliseconds: Int
  /// Samples per channel that the whole decode gave, at `sampleRate`.
  public var decodedSamples: Int
  /// Average bit rate of the audio stream, in bits per second; 0 when the file does not say.
  public var bitRate: Int
  /// Container, by its validated media type: mp3, wav, flac, mp4 or aac.
  public var format: String
  /// Codec by ffmpeg's name: mp3, aac, flac, pcm_s16le, ...
  public var codec: String
  /// In hertz.
  public var sampleRate: Int
  public var channels: Int
  public var tags: MediaTags

  public init(
    durationMilliseconds: Int, decodedSamples: Int, bitRate: Int, format: String, codec: String, sampleRate: Int, channels: Int,
    tags: MediaTags
  ) {
    self.durationMilliseconds = durationMilliseconds
    self.decodedSamples = decodedSamples
    self.bitRate = bitRate
    self.format = format
    self.codec = codec
    self.sampleRate = sampleRate
    self.channels = channels
    self.tags = tags
  }
}

/// The artist's own words in the file: valid Unicode without control characters, each at most 500 characters, nil when absent or blank.
public struct MediaTags: Codable, Sendable, Equatable {
  public var title: String?
  public var artist: String?
  public var album: String?
  public var language: String?

  public init(title: String? = nil, artist: String? = nil, album: String? = nil, language: String? = nil) {
    self.title = title
    self.artist = artist
    self.album = album
    self.language = language
  }
}

/// One zoom level of a stored waveform.
public struct WaveformLevel: Codable, Sendable, Equatable {
  /// In hertz.
  public var sampleRate: Int
  public var samplesPerPixel: Int
  /// Pairs of minimum and maximum.
  public var length: Int
  /// Key of the audiowaveform-compatible JSON.
  public var jsonKey: String
  /// Key of the audiowaveform-compatible binary.
  public var binaryKey: String

  public init(sampleRate: Int, samplesPerPixel: Int, length: Int, jsonKey: String, binaryKey: String) {
    self.sampleRate = sampleRate
    self.samplesPerPixel = samplesPerPixel
    self.length = length
    self.jsonKey = jsonKey
    self.binaryKey = binaryKey
  }
}

/// One quality of a track's HTTP Live Streaming output.
public struct Rendition: Codable, Sendable, Equatable {
  /// high or low.
  public var name: String
  /// What the encoder was asked for, in bits per second.
  public var nominalBitRate: Int
  /// Peak segment bit rate, ID3 tags included, in bits per second (RFC 8216 section 4.3.4.2).
  public var bandwidth: Int
  /// Average segment bit rate, in bits per second.
  public var averageBandwidth: Int
  public var segments: Int
  /// Length of what a player decodes, in milliseconds.
  public var durationMilliseconds: Int
  /// Bytes of all segments.
  public var bytes: Int

  public init(
    name: String, nominalBitRate: Int, bandwidth: Int, averageBandwidth: Int, segments: Int, durationMilliseconds: Int, bytes: Int
  ) {
    self.name = name
    self.nominalBitRate = nominalBitRate
    self.bandwidth = bandwidth
    self.averageBandwidth = averageBandwidth
    self.segments = segments
    self.durationMilliseconds = durationMilliseconds
    self.bytes = bytes
  }
}

/// A track's complete HTTP Live Streaming output.
public struct StreamingOutput: Codable, Sendable, Equatable {
  /// Key of the master playlist.
  public var masterKey: String
  public var renditions: [Rendition]

  public init(masterKey: String, renditions: [Rendition]) {
    self.masterKey = masterKey
    self.renditions = renditions
  }
}
