import Activities
import Cryptography
import HTTP
import PostgreSQL
import Workflows

/// Everything of an upload after its last byte: the file is in staging, the form was read.
struct ReceivedUpload: Sendable {
  let source: AudioSource
  let fileName: String?
  /// Of the file, 32 bytes.
  let sha256: [UInt8]
  let form: UploadForm
}

/// What became of an upload that was taken.
struct AcceptedUpload: Sendable, Equatable {
  let trackID: TrackID
  /// The same upload had been accepted before; nothing new was stored.
  let isRepeated: Bool
}

/// The one step behind every way of uploading: a file in staging and its form become a track and its workflow, both or neither.
struct UploadAcceptance: Sendable {
  let catalog: TrackCatalog
  let store: any ObjectStore
  let limits: UploadLimits
  /// Called after the commit: the workflow's owner looks at once instead of at its next poll.
  let wake: @Sendable () -> Void

  /// The upload of a file that came by a way on which its bytes were not seen: they are read from staging once, a piece at a time.
  ///
  /// - Parameter files: where it is; nil for the store.
  /// - Throws: `ObjectStoreError` when it is not there, `MediaError` when it is empty.
  func read(
    _ key: ObjectKey, in files: (any ObjectStore)? = nil, as type: MediaType, fileName: String?, form: UploadForm, for id: TrackID
  ) async throws -> ReceivedUpload {
    let file = try await (files ?? store).open(key)
    guard file.size > 0 else { throw MediaError(.emptyFile, "the file is empty; export the track again and upload it again") }
    var hasher = SHA256Hasher()
    var offset = 0
    while offset < file.size {
      let bytes = try await file.read(at: offset, count: 1 << 20)
      guard !bytes.isEmpty else { throw ObjectStoreError(.unavailable, "the upload \(key) became shorter while it was read") }
      hasher.update(bytes)
      offset += bytes.count
    }
    let source = AudioSource(trackID: id, key: key.text, mediaType: type.rawValue, sizeBytes: Int64(file.size))
    return ReceivedUpload(source: source, fileName: fileName, sha256: hasher.finalize(), form: form)
  }

  /// Stores the track and starts its workflow in one transaction; done again for the same track it changes nothing.
  ///
  /// - Parameter key: the client's name for the request; the same key and the same upload give the earlier track, and this file goes.
  /// - Parameter isReserved: whether the artist's quota was asked before the file came.
  /// - Throws: `APIProblem` 422 when the key was used for another upload, `CatalogError` above the quota; the file then stays, for the caller
  ///   to remove.
  func accept(
    _ upload: ReceivedUpload, of artist: String, key: IdempotencyKey? = nil, isReserved: Bool = false
  ) async throws -> AcceptedUpload {
    let form = upload.form
    try limits.profanity.check(FlaggedText.all(title: form.title, tags: form.tags, lyrics: form.lyrics, language: form.language))
    let fingerprint = form.fingerprint(fileDigest: upload.sha256, type: try MediaType(declared: upload.source.mediaType))
    var track = NewTrack(
      source: upload.source, artistID: artist, fileName: upload.fileName, title: form.title, language: form.language,
      tags: form.tags, suppliedLyrics: form.lyrics, sha256: upload.sha256, idempotency: key.map { ($0.text, fingerprint) })
    track.secondaryArtistIDs = form.secondaryArtistIDs ?? []
    let start = TrackUpload(source: upload.source, reviewWithin: limits.reviewWithin, lyricsWithin: limits.lyricsWithin)
    switch try await catalog.accept(track, starting: start, quotaBytes: isReserved ? nil : Int64(limits.quotaBytes)) {
    case .accepted:
      wake()
      return AcceptedUpload(trackID: upload.source.trackID, isRepeated: false)
    case .repeated(let id):
      if id != upload.source.trackID { try await store.delete(ObjectKey(upload.source.key)) }
      return AcceptedUpload(trackID: id, isRepeated: true)
    case .keyReused:
      throw IdempotencyKey.reused
    }
  }

  /// Removes the file of an upload that was not accepted. One that may have been, because the answer of the commit was lost, stays:
  /// either its track needs it, or the sweep of staging takes it.
  func giveUp(_ upload: ReceivedUpload, because error: any Error) async {
    if let error = error as? DatabaseError, error.outcomeUnknown { return }
    try? await store.delete(ObjectKey(upload.source.key))
  }
}
