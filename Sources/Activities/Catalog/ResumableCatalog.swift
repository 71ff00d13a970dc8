import Foundation
import Orchestrator
import PostgreSQL
import Workflows

/// An upload that comes in parts, before its first byte.
public struct NewResumableUpload: Sendable {
  /// Names the upload, and later its track.
  public var id: TrackID
  public var artistID: String
  /// The client's name for the request; nil without one.
  public var requestKey: String?
  /// Of all that the request says, 32 bytes.
  public var fingerprint: [UInt8]
  /// As the client sent it.
  public var metadata: String
  public var fileName: String?
  public var mediaType: String
  /// The form's fields as JSON.
  public var form: String
  public var sourceKey: String
  public var lengthBytes: Int64

  public init(
    id: TrackID, artistID: String, requestKey: String?, fingerprint: [UInt8], metadata: String, fileName: String?, mediaType: String,
    form: String, sourceKey: String, lengthBytes: Int64
  ) {
    self.id = id
    self.artistID = artistID
    self.requestKey = requestKey
    self.fingerprint = fingerprint
    self.metadata = metadata
    self.fileName = fileName
    self.mediaType = mediaType
    self.form = form
    self.sourceKey = sourceKey
    self.lengthBytes = lengthBytes
  }
}

/// An upload that comes in parts, and how far it is.
public struct ResumableUploadRecord: Sendable, Equatable {
  public let id: TrackID
  public let artistID: String
  public let metadata: String
  public let fileName: String?
  public let mediaType: String
  public let form: String
  public let sourceKey: String
  public let lengthBytes: Int64
  /// Bytes that are safe.
  public let offsetBytes: Int64
  /// Microseconds since the Unix epoch.
  public let expiresAt: Int64
  public let isAccepted: Bool
  public let isExpired: Bool

  init(_ rows: Rows, _ row: Int) throws {
    id = TrackID(try rows.uuid(row, 0))
    artistID = try rows.text(row, 1)
    metadata = try rows.text(row, 2)
    fileName = try rows.optional(row, 3, rows.text)
    mediaType = try rows.text(row, 4)
    form = try rows.text(row, 5)
    sourceKey = try rows.text(row, 6)
    lengthBytes = try rows.int64(row, 7)
    offsetBytes = try rows.int64(row, 8)
    expiresAt = try rows.timestamp(row, 9)
    isAccepted = try rows.bool(row, 10)
    isExpired = try rows.bool(row, 11)
  }
}

/// What an artist may still do.
public struct UploadAllowance: Sendable, Equatable {
  /// Seconds until another upload may begin; 0 when it may now.
  public let waitSeconds: Int
  /// How many more may begin in this span.
  public let remaining: Int
  /// Seconds until the span ends.
  public let resetSeconds: Int
  /// Bytes that are taken up.
  public let usedBytes: Int64
}

extension TrackCatalog {
  /// Makes the upload and reserves its length of the artist's quota.
  ///
  /// - Throws: `CatalogError` when too many are open or the quota does not suffice.
  /// - Returns: `repeated` for a request key that was used before.
  public func begin(
    _ upload: NewResumableUpload, lifetime: Duration, openLimit: Int, quotaBytes: Int64
  ) async throws -> UploadOutcome {
    var parameters = Parameters(upload.id.uuid, upload.artistID, upload.requestKey, upload.fingerprint, upload.metadata, upload.fileName)
    for text in [upload.mediaType, upload.form, upload.sourceKey] { parameters.append(text) }
    parameters.append(upload.lengthBytes)
    parameters.appendInterval(microseconds: lifetime.microseconds)
    parameters.append(Int32(clamping: openLimit))
    parameters.append(quotaBytes)
    let rows = try await call(ResumableStatements.begin, parameters)
    if try rows.bool(0, 1) { return .accepted }
    return try rows.bool(0, 2) ? .repeated(TrackID(try rows.uuid(0, 0))) : .keyReused
  }

  /// Nil when there is none, or it is not the viewer's.
  public func resumableUpload(_ id: TrackID) async throws -> ResumableUploadRecord? {
    let rows = try await call(ResumableStatements.upload, Parameters(id.uuid))
    return rows.count == 0 ? nil : try ResumableUploadRecord(rows, 0)
  }

  /// Moves the offset from where the caller knows it to be.
  ///
  /// - Returns: when the upload now expires; nil when it is gone, accepted, or was moved by another.
  public func advance(_ id: TrackID, from old: Int64, to new: Int64, lifetime: Duration) async throws -> Int64? {
    var parameters = Parameters(id.uuid, old, new)
    parameters.appendInterval(microseconds: lifetime.microseconds)
    let rows = try await call(ResumableStatements.advance, parameters)
    return rows.count == 0 ? nil : try rows.timestamp(0, 0)
  }

  /// Returns whether there was one that is not accepted.
  public func deleteResumableUpload(_ id: TrackID) async throws -> Bool {
    try await call(ResumableStatements.delete, Parameters(id.uuid)).affectedRows == 1
  }

  /// Forgets uploads that are over, at most 100 a call. Returns how many, and the staging keys of those that became no track.
  public func takeExpiredUploads() async throws -> (count: Int, abandoned: [String]) {
    let rows = try await call(ResumableStatements.takeExpired, Parameters())
    let abandoned = try (0..<rows.count).filter { try !rows.bool($0, 1) }.map { try rows.text($0, 0) }
    return (rows.count, abandoned)
  }

  /// Uploads that have been whole for `age` without being accepted, at most 100.
  public func completeUploads(for age: Duration) async throws -> [ResumableUploadRecord] {
    var parameters = Parameters()
    parameters.appendInterval(microseconds: age.microseconds)
    let rows = try await call(ResumableStatements.complete, parameters)
    return try (0..<rows.count).map { try ResumableUploadRecord(rows, $0) }
  }

  /// Counts an upload that begins, and says what is left.
  public func admitUpload(of artist: String, limit: Int, span: Duration) async throws -> UploadAllowance {
    var parameters = Parameters(artist, Int32(clamping: limit))
    parameters.appendInterval(microseconds: span.microseconds)
    let rows = try await call(ResumableStatements.admit, parameters)
    return UploadAllowance(
      waitSeconds: Int(try rows.int32(0, 0)), remaining: Int(try rows.int32(0, 1)), resetSeconds: Int(try rows.int32(0, 2)),
      usedBytes: try rows.int64(0, 3))
  }
}
