import Activities
import Cryptography
import Foundation
import HTTP
import Orchestrator
import PostgreSQL
import Workflows

/// Uploads that come in parts, over days if need be: begun, continued from wherever they stand, accepted with their last byte.
struct ResumableUploads: Sendable {
  let acceptance: UploadAcceptance
  /// Where the bytes come to. With a bucket a folder, which all processes must share that may get parts of one upload.
  let files: any AppendableStore
  /// Whether what is whole is handed over to the store from there.
  var isSpool = false

  private var catalog: TrackCatalog { acceptance.catalog }
  private var limits: UploadLimits { acceptance.limits }

  static let notFound = APIProblem(.notFound, "upload-not-found", "There is no such upload. It may have ended: begin it again.")
  static let busy = APIProblem(
    .locked, "upload-busy", "Another request writes to this upload. Try again when it has ended.", headers: ["Retry-After": "1"])

  /// Makes an upload of which no byte has come.
  ///
  /// - Returns: its name; of the earlier upload when the key was used before.
  func begin(_ metadata: UploadMetadata, length: Int64, of artist: String, key: IdempotencyKey?) async throws -> TrackID {
    guard length > 0 else { throw MediaError(.emptyFile, "the file is empty; export the track again and upload it again") }
    guard length <= Int64(limits.resumableBytes) else {
      throw APIProblem(
        .contentTooLarge, "upload-too-large", "The file is larger than the \(limits.resumableBytes) bytes that are accepted.",
        extensions: ["limitBytes": .number(limits.resumableBytes)])
    }
    let id = TrackID()
    let place = try TrackKeys.staged(id, as: metadata.type)
    let upload = NewResumableUpload(
      id: id, artistID: artist, requestKey: key?.text, fingerprint: Digest.sha256("\(length)\n\(metadata.text)".utf8),
      metadata: metadata.text, fileName: metadata.fileName, mediaType: metadata.type.rawValue,
      form: String(decoding: try JSONEncoder().encode(metadata.form), as: UTF8.self), sourceKey: place.text, lengthBytes: length)
    try await files.create(place)
    do {
      let outcome = try await catalog.begin(
        upload, lifetime: limits.resumableWithin, openLimit: limits.openUploads, quotaBytes: Int64(limits.quotaBytes))
      switch outcome {
      case .accepted: return id
      case .repeated(let earlier):
        try await files.delete(place)
        return earlier
      case .keyReused: throw IdempotencyKey.reused
      }
    } catch {
      // The file of an upload that may have been stored is swept with the upload.
      if (error as? DatabaseError)?.outcomeUnknown != true { try? await files.delete(place) }
      throw error
    }
  }

  /// Adds the bytes of a request to an upload that stands at `offset`, and accepts it when they were the last.
  ///
  /// Whatever came before the client went away is kept, but not of a part with a checksum, which counts whole or not at all.
  /// - Throws: `APIProblem` 409 when it stands elsewhere, 413 for too many bytes, 423 while another request writes, 460 for other bytes than
  ///   the checksum says.
  func append(_ body: RequestBody, to id: TrackID, at offset: Int64, checksum: UploadChecksum?) async throws -> ResumableUploadRecord {
    let upload = try await current(id)
    if upload.isAccepted {
      guard offset == upload.lengthBytes, body.declaredLength == 0 else { throw Self.mismatch(upload) }
      return upload
    }
    guard let file = try await files.appender(to: ObjectKey(upload.sourceKey)) else { throw Self.busy }
    defer { file.close() }
    // Only now nobody else moves it.
    let standing = try await current(id)
    guard standing.offsetBytes == offset, !standing.isAccepted else { throw Self.mismatch(standing) }
    if let length = body.declaredLength, length > UInt64(standing.lengthBytes - offset) { throw Self.tooLong(standing) }
    var transfer = try ResumableTransfer(standing, file, catalog, lifetime: limits.resumableWithin)
    try await receive(body, into: &transfer, standing, checksum)
    if transfer.safe == standing.lengthBytes { try await accept(id) }
    return try await current(id)
  }

  private func receive(
    _ body: RequestBody, into transfer: inout ResumableTransfer, _ upload: ResumableUploadRecord, _ checksum: UploadChecksum?
  ) async throws {
    var hasher = checksum.map { DigestHasher($0.algorithm) }
    do {
      for try await chunk in body {
        guard transfer.end + Int64(chunk.count) <= upload.lengthBytes else { throw Self.tooLong(upload) }
        try transfer.append(chunk)
        hasher?.update(chunk)
        if checksum == nil, transfer.isWorthRecording { try await transfer.record() }
      }
    } catch let error as HTTPError {
      if checksum == nil { try await transfer.record() }
      throw error
    }
    if let checksum, let digest = hasher.take()?.finalize(), digest != checksum.digest {
      throw APIProblem(
        .checksumMismatch, "checksum-mismatch",
        "The bytes have another digest than Upload-Checksum says. Nothing of them was kept: send them again.")
    }
    try await transfer.record()
  }

  /// What is stored of an upload now, whoever owns it.
  private func current(_ id: TrackID) async throws -> ResumableUploadRecord {
    guard let upload = try await catalog.resumableUpload(id) else { throw Self.notFound }
    guard !upload.isExpired else { throw Self.expired }
    return upload
  }

  /// The upload, if the user owns it; one that is whole without having been accepted is accepted first.
  func upload(_ id: TrackID, of viewer: CatalogViewer) async throws -> ResumableUploadRecord {
    guard let upload = try await catalog.seen(by: viewer).resumableUpload(id), upload.artistID == viewer.userID else {
      throw Self.notFound
    }
    guard !upload.isExpired else { throw Self.expired }
    return try await settled(upload)
  }

  /// Ends an upload and forgets its bytes.
  func remove(_ upload: ResumableUploadRecord) async throws {
    guard !upload.isAccepted else {
      throw APIProblem(.conflict, "upload-accepted", "This upload has become the track \(upload.id), which stays.")
    }
    let place = try ObjectKey(upload.sourceKey)
    guard let file = try await files.appender(to: place) else { throw Self.busy }
    defer { file.close() }
    guard try await catalog.deleteResumableUpload(upload.id) else { throw Self.notFound }
    try await files.delete(place)
  }

  private static let expired = APIProblem(.gone, "upload-expired", "This upload stood still for too long. Begin it again.")

  private static func mismatch(_ upload: ResumableUploadRecord) -> APIProblem {
    APIProblem(
      .conflict, "upload-offset-mismatch", "The upload stands at byte \(upload.offsetBytes). Continue there.",
      headers: ["Upload-Offset": String(upload.offsetBytes)], extensions: ["offset": .number(Int(upload.offsetBytes))])
  }

  private static func tooLong(_ upload: ResumableUploadRecord) -> APIProblem {
    APIProblem(.contentTooLarge, "upload-too-large", "The upload has \(upload.lengthBytes) bytes; more came.")
  }
}

// The end of an upload, and uploads that nobody ends.
extension ResumableUploads {
  /// The whole file is read again for its digest, so that it does not matter which processes took its parts. A client that has gone does
  /// not stop it.
  private func accept(_ id: TrackID) async throws {
    let work = Task {
      let upload = try await current(id)
      let form = try JSONDecoder().decode(UploadForm.self, from: Data(upload.form.utf8))
      let place = try ObjectKey(upload.sourceKey)
      let received = try await acceptance.read(
        place, in: files, as: MediaType(declared: upload.mediaType), fileName: upload.fileName, form: form, for: id)
      if isSpool { try await acceptance.store.put(file: files.localFile(place, scratch: ""), at: place) }
      _ = try await acceptance.accept(received, of: upload.artistID, isReserved: true)
      if isSpool { try await files.delete(place) }
    }
    try await work.value
  }

  /// Accepts an upload that is whole, if nobody else is about to.
  private func settled(_ upload: ResumableUploadRecord) async throws -> ResumableUploadRecord {
    guard !upload.isAccepted, upload.offsetBytes == upload.lengthBytes else { return upload }
    guard let file = try await files.appender(to: ObjectKey(upload.sourceKey)) else { return upload }
    defer { file.close() }
    if try await !current(upload.id).isAccepted { try await accept(upload.id) }
    return try await current(upload.id)
  }

  /// Looks every `interval` until the task is cancelled; any number of processes may do so.
  func run(every interval: Duration = .seconds(10)) async throws {
    while true {
      do {
        try await runOnce()
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        Log.warning("resumable-uploads", "looking after them failed and is tried again in \(interval): \(error)")
      }
      try await Task.sleep(for: interval)
    }
  }

  /// Removes what expired, and accepts what is whole although nobody is left to do so.
  func runOnce(graceTime: Duration = .seconds(10)) async throws {
    var count = 0
    repeat {
      let expired = try await catalog.takeExpiredUploads()
      for key in expired.abandoned { try await files.delete(ObjectKey(key)) }
      count = expired.count
    } while count == 100
    for upload in try await catalog.completeUploads(for: graceTime) { _ = try await settled(upload) }
  }
}
