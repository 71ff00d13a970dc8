import Foundation
import HTTP

/// Objects in a bucket of S3, R2, or another service of that protocol. The bucket is of this service alone.
///
/// Every write is one request, or parts that become visible together: an object is there whole or not at all.
public struct S3ObjectStore: ObjectStore {
  /// Where requests are cut; stores take parts of 5 MiB to 5 GiB, at most 10,000 an object.
  struct Sizes: Sendable {
    var partBytes = 8 << 20
    /// Larger objects are copied in parts.
    var copyBytes = 1 << 30
    var copyPartBytes = 1 << 30
    var mostParts = 10_000
  }

  let client: S3Client
  private let sizes: Sizes
  /// What is written piece by piece waits there until it is whole.
  private let spill: LocalObjectStore

  /// - Parameter scratchFolder: where there is room for what is being written; made when it is not there.
  public init(_ bucket: Bucket, client: HTTPClient, scratchFolder: String) throws {
    try self.init(S3Client(bucket: bucket, http: client), sizes: Sizes(), scratchFolder: scratchFolder)
  }

  init(_ client: S3Client, sizes: Sizes, scratchFolder: String) throws {
    self.client = client
    self.sizes = sizes
    spill = try LocalObjectStore(folder: scratchFolder)
  }

  public func write(_ key: ObjectKey, limitBytes: Int) async throws -> any ObjectWriter {
    let spilled = try ObjectKey("writing/\(UUID().uuidString)")
    return S3ObjectWriter(store: self, key: key, spill: spill, spilled, try await spill.write(spilled, limitBytes: limitBytes))
  }

  public func put(_ bytes: [UInt8], at key: ObjectKey) async throws {
    try await put(key, size: bytes.count) { range in Array(bytes[range]) }
  }

  public func put(file path: String, at key: ObjectKey) async throws {
    guard let source = try? LocalFile(reading: path) else { throw ObjectStoreError(.notFound, "there is no file to store as \(key)") }
    try await put(key, size: source.size) { range in
      let bytes = try await source.read(at: range.lowerBound, count: range.count)
      guard bytes.count == range.count else {
        throw ObjectStoreError(.unavailable, "the file to store as \(key) became shorter meanwhile")
      }
      return bytes
    }
  }

  private func put(_ key: ObjectKey, size: Int, _ bytes: (Range<Int>) async throws -> [UInt8]) async throws {
    guard size > sizes.partBytes else {
      let request = S3Request(.put, key, headers: ["Content-Type": key.contentType], body: try await bytes(0..<size))
      _ = try await client.send(request)
      return
    }
    let partBytes = max(sizes.partBytes, (size + sizes.mostParts - 1) / sizes.mostParts)
    try await client.storeInParts(key, size: size, partBytes: partBytes) { uploadID, number, range in
      try await client.putPart(key, uploadID, number, try await bytes(range))
    }
  }

  public func info(_ key: ObjectKey) async throws -> ObjectInfo? {
    do {
      return try await head(key).info
    } catch let error as ObjectStoreError where error.code == .notFound {
      return nil
    }
  }

  private func head(_ key: ObjectKey) async throws -> (info: ObjectInfo, entityTag: String) {
    let answer = try await client.send(S3Request(.head, key))
    guard let size = answer.headers["Content-Length"].flatMap({ Int($0) }), let entityTag = answer.headers["ETag"],
      let changed = answer.headers["Last-Modified"].flatMap(HTTPDate.parse)
    else { throw S3Client.unreadable }
    let age = Duration.seconds(S3Client.date(of: answer).timeIntervalSince(changed))
    return (ObjectInfo(key: key, size: size, age: age, contentType: answer.headers["Content-Type"]), entityTag)
  }

  public func open(_ key: ObjectKey) async throws -> any ObjectReader {
    let (info, entityTag) = try await head(key)
    return S3ObjectReader(client: client, key: key, size: info.size, entityTag: entityTag)
  }

  public func localFile(_ key: ObjectKey, scratch: String) async throws -> String {
    let path = "\(scratch)/\(UUID().uuidString)"
    var request = S3Request(.get, key)
    request.answerBytes = .max
    try await client.download(request, to: path)
    // An empty object has no bytes by which the file would have been made.
    if !FileManager.default.fileExists(atPath: path) { try Data().write(to: URL(filePath: path)) }
    return path
  }

  public func storedFile(_ key: ObjectKey) async throws -> String? { nil }

  public func copy(_ source: ObjectKey, to destination: ObjectKey) async throws {
    let size = try await head(source).info.size
    guard size > sizes.copyBytes else {
      _ = try await client.send(S3Request(.put, destination, headers: ["x-amz-copy-source": client.bucket.copySource(source)]))
      return
    }
    try await client.storeInParts(destination, size: size, partBytes: sizes.copyPartBytes) { uploadID, number, range in
      try await client.copyPart(destination, uploadID, number, from: source, range)
    }
  }

  public func move(_ source: ObjectKey, to destination: ObjectKey) async throws {
    do {
      try await copy(source, to: destination)
    } catch let error as ObjectStoreError where error.code == .notFound {
      guard try await info(destination) == nil else { return }
      throw error
    }
    try await delete(source)
  }

  public func delete(_ key: ObjectKey) async throws {
    do {
      _ = try await client.send(S3Request(.delete, key))
    } catch let error as ObjectStoreError where error.code == .notFound {
      // Most stores say nothing of it, some do.
    }
  }

  public func list(in folder: ObjectKey, after: ObjectKey?, limit: Int) async throws -> [ObjectInfo] {
    try await client.objects(prefix: folder.text + "/", after: after, limit: min(max(limit, 1), 1000))
  }

  public func sweep(_ folder: ObjectKey, olderThan age: Duration) async throws -> Int {
    var removed = try await spill.sweep(ObjectKey("writing"), olderThan: age)
    for upload in try await client.unfinishedUploads(olderThan: age) {
      try await client.abortUpload(upload.key, upload.uploadID)
      removed += 1
    }
    var last: ObjectKey?
    repeat {
      let page = try await list(in: folder, after: last, limit: 1000)
      for object in page where object.age > age {
        try await delete(object.key)
        removed += 1
      }
      last = page.last?.key
    } while last != nil
    return removed
  }
}
