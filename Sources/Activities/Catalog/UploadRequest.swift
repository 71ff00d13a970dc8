import PostgreSQL
import Workflows

/// An upload that its artist sends straight to the store.
public struct UploadRequest: Sendable, Equatable {
  /// Of the track that it becomes.
  public let id: TrackID
  public let artistID: String
  /// Where its URL stores it.
  public let key: ObjectKey
  public let fileName: String?
  public let type: MediaType
  public let sizeBytes: Int64
  /// The texts that come with it, as JSON.
  public let form: String
  /// When its URL ends.
  public let expiresAt: SigningTime

  public init(
    id: TrackID, artistID: String, fileName: String?, type: MediaType, sizeBytes: Int64, form: String, expiresAt: SigningTime
  ) throws(ObjectStoreError) {
    self.id = id
    self.artistID = artistID
    key = try TrackKeys.incoming(id, as: type)
    self.fileName = fileName
    self.type = type
    self.sizeBytes = sizeBytes
    self.form = form
    self.expiresAt = expiresAt
  }

  fileprivate init(_ rows: Rows, _ row: Int) throws {
    id = TrackID(try rows.uuid(row, 0))
    artistID = try rows.text(row, 1)
    key = try ObjectKey(rows.text(row, 2))
    fileName = try rows.optional(row, 3, rows.text)
    type = try rows.named(row, 4)
    sizeBytes = try rows.int64(row, 5)
    form = try rows.text(row, 6)
    expiresAt = SigningTime(seconds: try rows.timestamp(row, 7) / 1_000_000)
  }
}

extension TrackCatalog {
  /// Notes a request. False when the artist has `limit` of them that have neither ended nor become a track.
  public func add(_ request: UploadRequest, limit: Int) async throws -> Bool {
    var parameters = Parameters(
      request.id.uuid, request.artistID, request.key.text, request.fileName, request.type.rawValue, request.sizeBytes, request.form)
    parameters.appendTimestamp(microseconds: request.expiresAt.seconds * 1_000_000)
    parameters.append(Int64(limit))
    return try await call(UploadRequestStatements.add, parameters).count == 1
  }

  /// Nil when there is none, or none any more.
  public func uploadRequest(_ id: TrackID) async throws -> UploadRequest? {
    let rows = try await call(UploadRequestStatements.byID, Parameters(id.uuid))
    return rows.count == 1 ? try UploadRequest(rows, 0) : nil
  }

  /// The request whose file is stored there; nil when there is none, or none any more.
  public func uploadRequest(at key: ObjectKey) async throws -> UploadRequest? {
    let rows = try await call(UploadRequestStatements.byKey, Parameters(key.text))
    return rows.count == 1 ? try UploadRequest(rows, 0) : nil
  }

  /// Forgets requests whose URL ended more than a day ago. Returns how many.
  public func forgetUploadRequests() async throws -> Int {
    try await call(UploadRequestStatements.forget, Parameters()).affectedRows
  }
}
