import HTTP

/// Objects that are stored in parts, which become visible together.
extension S3Client {
  /// Stores an object of a known size by parts, one after another; on any failure nothing of it stays.
  /// - Parameter part: stores the bytes of a range as the part of that number and gives its tag.
  func storeInParts(
    _ key: ObjectKey, size: Int, partBytes: Int, part: (_ uploadID: String, _ number: Int, _ range: Range<Int>) async throws -> String
  ) async throws {
    let uploadID = try await beginUpload(key)
    do {
      var parts: [String] = []
      for start in stride(from: 0, to: size, by: partBytes) {
        parts.append(try await part(uploadID, parts.count + 1, start..<min(start + partBytes, size)))
      }
      try await completeUpload(key, uploadID, parts, size: size)
    } catch {
      // Not as a part of this task: when that is cancelled, the parts must go all the same.
      _ = await Task { try? await abortUpload(key, uploadID) }.value
      throw error
    }
  }

  func beginUpload(_ key: ObjectKey) async throws -> String {
    let answer = try await send(S3Request(.post, key, query: [("uploads", "")], headers: ["Content-Type": key.contentType]))
    guard let uploadID = try? XMLTree(parsing: answer.body)["UploadId"], !uploadID.isEmpty else { throw Self.unreadable }
    return uploadID
  }

  /// Stores the part and gives its tag.
  func putPart(_ key: ObjectKey, _ uploadID: String, _ number: Int, _ bytes: [UInt8]) async throws -> String {
    let query = [(name: "partNumber", value: String(number)), (name: "uploadId", value: uploadID)]
    guard let tag = try await send(S3Request(.put, key, query: query, body: bytes)).headers["ETag"] else { throw Self.unreadable }
    return tag
  }

  /// As `putPart`, with bytes of another object.
  func copyPart(
    _ key: ObjectKey, _ uploadID: String, _ number: Int, from source: ObjectKey, _ range: Range<Int>
  ) async throws -> String {
    let request = S3Request(
      .put, key, query: [("partNumber", String(number)), ("uploadId", uploadID)],
      headers: [
        "x-amz-copy-source": bucket.copySource(source), "x-amz-copy-source-range": "bytes=\(range.lowerBound)-\(range.upperBound - 1)",
      ])
    guard let tag = try? XMLTree(parsing: try await send(request).body)["ETag"] else { throw Self.unreadable }
    return tag
  }

  func completeUpload(_ key: ObjectKey, _ uploadID: String, _ tags: [String], size: Int) async throws {
    let parts = tags.enumerated().map { index, tag in
      "<Part><PartNumber>\(index + 1)</PartNumber><ETag>\(tag.replacing("&", with: "&amp;").replacing("\"", with: "&quot;"))</ETag></Part>"
    }
    let body = Array("<CompleteMultipartUpload>\(parts.joined())</CompleteMultipartUpload>".utf8)
    do {
      _ = try await send(S3Request(.post, key, query: [("uploadId", uploadID)], headers: ["Content-Type": "application/xml"], body: body))
    } catch let error as ObjectStoreError where error.code == .notFound {
      // An attempt before this one may have done it without its answer reaching us.
      let head = try await send(S3Request(.head, key))
      guard head.headers["Content-Length"] == String(size) else { throw error }
    }
  }

  func abortUpload(_ key: ObjectKey, _ uploadID: String) async throws {
    _ = try await send(S3Request(.delete, key, query: [("uploadId", uploadID)]))
  }

  static let unreadable = ObjectStoreError(.unavailable, "the store's answer cannot be read")
}

extension Bucket {
  /// An object of the bucket as the header `x-amz-copy-source` names it.
  func copySource(_ key: ObjectKey) -> String { PercentEncoding.encode("/\(name)/\(key.text)", keepingSlashes: true) }
}
