import Activities
import Foundation
import HTTP

extension HTTPResponse {
  private static let pieceBytes = 256 << 10

  /// An object of the store, whole or in ranges: a file of this machine by the kernel, any other piece by piece.
  /// - Parameters:
  ///   - lastModified: when it changed last, or nil for none.
  ///   - entityTag: its strong validator, by its size.
  /// - Throws: `ObjectStoreError.notFound`.
  static func object(
    _ key: ObjectKey, of store: any ObjectStore, contentType: String, lastModified: Date? = nil, for request: HTTPRequest,
    entityTag: (Int) -> String
  ) async throws -> HTTPResponse {
    let object = try await store.open(key)
    let tag = entityTag(object.size)
    if let path = try await store.storedFile(key) {
      return try .file(at: path, contentType: contentType, entityTag: tag, lastModified: lastModified, for: request)
    }
    return .ranged(
      length: UInt64(object.size), contentType: contentType, entityTag: tag, lastModified: lastModified, for: request
    ) { range in
      .stream(
        ResponseStream { writer in
          for start in stride(from: Int(range.lowerBound), to: Int(range.upperBound), by: pieceBytes) {
            try await writer.write(try await object.read(at: start, count: min(pieceBytes, Int(range.upperBound) - start)))
          }
        })
    }
  }
}
