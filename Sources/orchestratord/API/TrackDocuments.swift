import Activities
import Foundation
import Workflows

/// A track as lists show it.
struct TrackSummary: Encodable {
  let id: String
  let workflowId: String
  let artistId: String
  let title: String?
  let language: String?
  let tags: [String]
  let secondaryArtistIds: [String]
  /// Nil without a poster.
  let posterUrl: String?
  let status: String
  let reason: String?
  let lyricsStatus: String
  let durationMilliseconds: Int64?
  let fileName: String?
  let mediaType: String
  let sizeBytes: Int64
  let createdAt: String
  let updatedAt: String
  let publishedAt: String?
  /// Counts the edits; also the `ETag` of the track.
  let revision: Int
  let url: String

  init(_ track: TrackRecord) {
    id = track.id.description
    workflowId = track.workflowID
    artistId = track.artistID
    title = track.title
    language = track.language
    tags = track.tags
    secondaryArtistIds = track.secondaryArtistIDs
    posterUrl = track.posterKey.map { _ in "/api/v1/tracks/\(track.id)/poster" }
    status = track.status.rawValue
    reason = track.reason
    lyricsStatus = track.lyricsStatus.rawValue
    durationMilliseconds = track.durationMilliseconds
    fileName = track.fileName
    mediaType = track.mediaType
    sizeBytes = track.sizeBytes
    createdAt = Timestamp.text(track.createdAt)
    updatedAt = Timestamp.text(track.updatedAt)
    publishedAt = track.publishedAt.map(Timestamp.text)
    revision = Int(track.revision)
    url = "/api/v1/tracks/\(track.id)"
  }
}

/// Everything about one track; the fields of the summary stand beside these.
struct TrackDocument: Encodable {
  struct Stage: Encodable {
    let name: String
    /// running or done.
    let state: String
    /// Per cent.
    let progress: Int
    let attempt: Int
    let startedAt: String
    let finishedAt: String?

    init(_ record: StageRecord) {
      name = record.stage
      state = record.finishedAt == nil ? "running" : "done"
      progress = Int(record.progress)
      attempt = Int(record.attempt)
      startedAt = Timestamp.text(record.startedAt)
      finishedAt = record.finishedAt.map(Timestamp.text)
    }
  }

  /// Where to listen; only what is published has it.
  struct Streams: Encodable {
    let master: String
    let original: String
  }

  let summary: TrackSummary
  /// clean, infected or not scanned: what the virus scanner said.
  let scan: String
  /// Per cent of the processing.
  let progress: Int
  let stages: [Stage]
  let lyrics: LyricsDocument
  let waveform: [WaveformLevel]
  let renditions: [Rendition]
  let streams: Streams?

  /// - Parameter hasOpenStreams: false where links are signed: then they are asked for.
  init(_ track: TrackRecord, _ stages: [StageRecord], _ lyrics: LyricsRecord?, hasOpenStreams: Bool = true) {
    summary = TrackSummary(track)
    scan = track.scan.rawValue
    progress = Self.progress(track.status, stages)
    self.stages = stages.map(Stage.init)
    self.lyrics = LyricsDocument(track, lyrics)
    waveform = track.waveform ?? []
    renditions = track.streaming?.renditions ?? []
    streams =
      track.status == .published && hasOpenStreams
      ? Streams(master: "/stream/\(track.id)/master.m3u8", original: "/stream/\(track.id)") : nil
  }

  enum CodingKeys: String, CodingKey { case scan, progress, stages, lyrics, waveform, renditions, streams }

  func encode(to encoder: any Encoder) throws {
    try summary.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(scan, forKey: .scan)
    try container.encode(progress, forKey: .progress)
    try container.encode(stages, forKey: .stages)
    try container.encode(lyrics, forKey: .lyrics)
    try container.encode(waveform, forKey: .waveform)
    try container.encode(renditions, forKey: .renditions)
    try container.encodeIfPresent(streams, forKey: .streams)
  }

  private static func progress(_ status: TrackStatus, _ stages: [StageRecord]) -> Int {
    switch status {
    case .pending: return 0
    case .processing, .failed: return TrackProgress.percent { name in stages.first { $0.stage == name }.map { Int($0.progress) } }
    case .reviewing, .changesRequested, .published, .blocked: return 100
    }
  }
}

struct LyricsDocument: Encodable {
  let status: String
  let reason: String?
  let version: Int?
  let source: String?
  let model: String?
  let language: String?
  let confidence: Double?
  /// Times in milliseconds.
  let lines: [LyricsAnswer.Line]

  init(_ track: TrackRecord, _ record: LyricsRecord?) {
    status = track.lyricsStatus.rawValue
    reason = track.lyricsReason
    version = record.map { Int($0.version) }
    source = record?.lyrics.source.rawValue
    model = record?.lyrics.model
    language = record?.lyrics.language
    confidence = record?.lyrics.confidence
    lines = record.map { LyricsAnswer($0.lyrics.lines, includingWords: true).lines } ?? []
  }
}

/// A page of a list.
struct Page<Item: Encodable>: Encodable {
  let items: [Item]
  /// For the query of the next page; absent on the last one.
  let nextCursor: String?
}

struct StatusChangeDocument: Encodable {
  let from: String?
  let to: String
  let reason: String?
  let changedBy: String
  let changedAt: String

  init(_ record: StatusChangeRecord) {
    from = record.from?.rawValue
    to = record.to.rawValue
    reason = record.reason
    changedBy = record.changedBy
    changedAt = Timestamp.text(record.changedAt)
  }
}

enum Timestamp {
  /// RFC 3339 in UTC with milliseconds.
  static func text(_ microseconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(microseconds) / 1_000_000).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}
