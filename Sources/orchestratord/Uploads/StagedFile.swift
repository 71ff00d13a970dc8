import Activities
import Cryptography
import Workflows

/// An upload on its way into staging: counted and hashed as it comes, never in memory as a whole, invisible until it is complete.
struct StagedFile: ~Copyable {
  let key: ObjectKey
  let type: MediaType
  let fileName: String?
  private let writer: any ObjectWriter
  private var hasher = SHA256Hasher()
  private(set) var size = 0

  static func begin(
    _ id: TrackID, as type: MediaType, fileName: String?, in store: any ObjectStore, limitBytes: Int
  ) async throws -> StagedFile {
    let key = try TrackKeys.staged(id, as: type)
    return StagedFile(key, type, fileName, try await store.write(key, limitBytes: limitBytes))
  }

  private init(_ key: ObjectKey, _ type: MediaType, _ fileName: String?, _ writer: any ObjectWriter) {
    self.key = key
    self.type = type
    self.fileName = fileName
    self.writer = writer
  }

  /// A file that was not committed leaves nothing behind.
  deinit { writer.discard() }

  /// - Throws: `ObjectStoreError.tooLarge` beyond the limit.
  mutating func append(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { bytes in
      try writer.append(bytes)
      hasher.update(bytes)
    }
    size += bytes.count
  }

  /// Makes the file durable and gives its SHA-256.
  mutating func commit() async throws -> [UInt8] {
    guard size > 0 else { throw MediaError(.emptyFile, "the file is empty; export the track again and upload it again") }
    _ = try await writer.commit()
    var finished = SHA256Hasher()
    swap(&finished, &hasher)
    return finished.finalize()
  }
}
