import Activities
import HTTP
import Workflows

/// The bytes of one request on their way into an upload. What counts is the offset in the database, which follows the disk: bytes are
/// flushed first and recorded then, so that neither kill -9 nor a power failure takes back what was acknowledged.
///
/// The length of the file says nothing: its end may never have reached the disk, or belong to a part whose checksum is not known yet.
struct ResumableTransfer {
  /// What may be lost by kill -9 in the middle of a request.
  static let recordBytes: Int64 = 16 << 20
  static let recordInterval = Duration.seconds(1)

  private let file: any ObjectAppender
  private let catalog: TrackCatalog
  private let id: TrackID
  private let lifetime: Duration
  /// Recorded.
  private(set) var safe: Int64
  /// Appended.
  private(set) var end: Int64
  private(set) var expiresAt: Int64
  private var recordedAt = ContinuousClock.now

  /// Begins where the record says, whatever stands behind it.
  init(_ upload: ResumableUploadRecord, _ file: any ObjectAppender, _ catalog: TrackCatalog, lifetime: Duration) throws {
    try file.begin(at: Int(upload.offsetBytes))
    self.file = file
    self.catalog = catalog
    self.lifetime = lifetime
    id = upload.id
    safe = upload.offsetBytes
    end = upload.offsetBytes
    expiresAt = upload.expiresAt
  }

  mutating func append(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try file.append($0) }
    end += Int64(bytes.count)
  }

  var isWorthRecording: Bool { end - safe >= Self.recordBytes || ContinuousClock.now - recordedAt >= Self.recordInterval }

  /// Makes what was appended safe. A client that has gone does not stop it.
  mutating func record() async throws {
    guard end > safe else { return }
    let work = Task { [file, catalog, id, safe, end, lifetime] in
      try await file.flush()
      return try await catalog.advance(id, from: safe, to: end, lifetime: lifetime)
    }
    guard let expiry = try await work.value else { throw ResumableUploads.notFound }
    safe = end
    expiresAt = expiry
    recordedAt = .now
  }
}
