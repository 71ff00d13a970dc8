import HTTP

/// Reads ranges of one object, as it was when it was opened.
struct S3ObjectReader: ObjectReader {
  let client: S3Client
  let key: ObjectKey
  let size: Int
  let entityTag: String

  func read(at offset: Int, count: Int) async throws -> [UInt8] {
    let end = min(offset + min(count, size), size)
    guard offset >= 0, offset < end else { return [] }
    var request = S3Request(.get, key, headers: ["Range": "bytes=\(offset)-\(end - 1)", "If-Match": entityTag])
    request.answerBytes = max(end - offset, 64 << 10)
    let answer = try await client.send(request)
    guard answer.body.count == end - offset, answer.status == .partialContent || end - offset == size else {
      throw ObjectStoreError(.unavailable, "the store gave \(answer.body.count) instead of \(end - offset) bytes of \(key)")
    }
    return answer.body
  }
}

/// Gathers an object in a local file, and stores it when it is whole.
struct S3ObjectWriter: ObjectWriter {
  private let store: S3ObjectStore
  private let key: ObjectKey
  private let spill: LocalObjectStore
  private let spilled: ObjectKey
  private let writer: any ObjectWriter

  init(store: S3ObjectStore, key: ObjectKey, spill: LocalObjectStore, _ spilled: ObjectKey, _ writer: any ObjectWriter) {
    self.store = store
    self.key = key
    self.spill = spill
    self.spilled = spilled
    self.writer = writer
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws { try writer.append(bytes) }

  func commit() async throws -> Int {
    let size = try await writer.commit()
    do {
      try await store.put(file: spill.localFile(spilled, scratch: ""), at: key)
    } catch {
      try? await spill.delete(spilled)
      throw error
    }
    try await spill.delete(spilled)
    return size
  }

  func discard() { writer.discard() }
}
