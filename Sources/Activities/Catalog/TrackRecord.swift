import Foundation
import Orchestrator
import PostgreSQL
import Workflows

/// A track as the catalogue holds it. Times are microseconds since the Unix epoch.
public struct TrackRecord: Sendable, Equatable {
  public let id: TrackID
  public let artistID: String
  public let workflowID: String
  public let title: String?
  public let language: String?
  public let tags: [String]
  public let suppliedLyrics: String?
  public let fileName: String?
  public let mediaType: String
  public let sizeBytes: Int64
  public let sha256: [UInt8]
  public let sourceKey: String
  public let status: TrackStatus
  public let reason: String?
  public let lyricsStatus: LyricsStatus
  public let lyricsReason: String?
  public let durationMilliseconds: Int64?
  public let probe: MediaProbe?
  public let waveform: [WaveformLevel]?
  public let streaming: StreamingOutput?
  public let createdAt: Int64
  public let updatedAt: Int64
  public let publishedAt: Int64?
  public let scan: SecurityScan.Verdict
  /// Counts the changes of what people may edit, 1 as uploaded.
  public let revision: Int32
  /// Nil without a poster.
  public let posterKey: String?
  /// Accounts of the other artists on it, in order.
  public let secondaryArtistIDs: [String]

  init(_ rows: Rows, _ row: Int) throws {
    id = TrackID(try rows.uuid(row, 0))
    artistID = try rows.text(row, 1)
    workflowID = try rows.text(row, 2)
    title = try rows.optional(row, 3, rows.text)
    language = try rows.optional(row, 4, rows.text)
    tags = try rows.json([String].self, row, 5) ?? []
    suppliedLyrics = try rows.optional(row, 6, rows.text)
    fileName = try rows.optional(row, 7, rows.text)
    mediaType = try rows.text(row, 8)
    sizeBytes = try rows.int64(row, 9)
    sha256 = try rows.bytes(row, 10)
    sourceKey = try rows.text(row, 11)
    status = try rows.named(row, 12)
    reason = try rows.optional(row, 13, rows.text)
    lyricsStatus = try rows.named(row, 14)
    lyricsReason = try rows.optional(row, 15, rows.text)
    durationMilliseconds = try rows.optional(row, 16, rows.int64)
    probe = try rows.json(MediaProbe.self, row, 17)
    waveform = try rows.json([WaveformLevel].self, row, 18)
    streaming = try rows.json(StreamingOutput.self, row, 19)
    createdAt = try rows.timestamp(row, 20)
    updatedAt = try rows.timestamp(row, 21)
    publishedAt = try rows.optional(row, 22, rows.timestamp)
    scan = try rows.named(row, 23)
    revision = try rows.int32(row, 24)
    posterKey = try rows.optional(row, 25, rows.text)
    secondaryArtistIDs = try rows.json([String].self, row, 26) ?? []
  }
}

/// Live progress of one step.
public struct StageRecord: Sendable, Equatable {
  public let stage: String
  /// Per cent of this attempt.
  public let progress: Int16
  public let attempt: Int32
  public let startedAt: Int64
  public let finishedAt: Int64?

  init(_ rows: Rows, _ row: Int) throws {
    stage = try rows.text(row, 0)
    progress = try rows.int16(row, 1)
    attempt = try rows.int32(row, 2)
    startedAt = try rows.timestamp(row, 3)
    finishedAt = try rows.optional(row, 4, rows.timestamp)
  }
}

/// One version of a track's lyrics.
public struct LyricsRecord: Sendable, Equatable {
  public let version: Int32
  public let lyrics: Lyrics

  init(_ rows: Rows, _ row: Int) throws {
    version = try rows.int32(row, 0)
    lyrics = Lyrics(
      language: try rows.optional(row, 2, rows.text), lines: try rows.json([LyricsLine].self, row, 5) ?? [],
      source: try rows.named(row, 1), model: try rows.text(row, 3), confidence: try rows.optional(row, 4, rows.double))
  }
}

/// One line of a track's audit log.
public struct StatusChangeRecord: Sendable, Equatable {
  /// Nil for the upload.
  public let from: TrackStatus?
  public let to: TrackStatus
  public let reason: String?
  public let changedBy: String
  public let changedAt: Int64

  init(_ rows: Rows, _ row: Int) throws {
    from = try rows.optional(row, 0) { try rows.named($0, $1) }
    to = try rows.named(row, 1)
    reason = try rows.optional(row, 2, rows.text)
    changedBy = try rows.text(row, 3)
    changedAt = try rows.timestamp(row, 4)
  }
}

extension Rows {
  /// A value stored as JSON; nil for a null.
  func json<Value: Decodable>(_ type: Value.Type, _ row: Int, _ column: Int) throws -> Value? {
    guard let text = try optional(row, column, text) else { return nil }
    return try PayloadCodec.decode(type, from: Payload(json: Array(text.utf8)))
  }

  /// A case of an enum stored by its raw value.
  func named<Value: RawRepresentable<String>>(_ row: Int, _ column: Int) throws -> Value {
    let name = try text(row, column)
    guard let value = Value(rawValue: name) else {
      throw DatabaseError(.unexpectedResult, "'\(name)' is no \(Value.self): the database is newer than this program")
    }
    return value
  }
}
