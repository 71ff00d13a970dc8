import Foundation
import HTTP

/// Lists of a bucket, page by page.
extension S3Client {
  /// Objects whose keys begin with `prefix`, in order of their keys, at most `limit`; keys that are not ours are left out.
  func objects(prefix: String, after: ObjectKey?, limit: Int) async throws -> [ObjectInfo] {
    var found: [ObjectInfo] = []
    var continuation: String?
    repeat {
      var query: CanonicalRequest.Query = [("list-type", "2"), ("prefix", prefix), ("max-keys", String(limit - found.count))]
      if let continuation { query.append(("continuation-token", continuation)) }
      if let after, continuation == nil { query.append(("start-after", after.text)) }
      let answer = try await send(S3Request(.get, nil, query: query))
      guard let page = try? XMLTree(parsing: answer.body), page.name == "ListBucketResult" else { throw Self.unreadable }
      found += page.all("Contents").compactMap { Self.object($0, now: Self.date(of: answer)) }
      continuation = page["IsTruncated"] == "true" ? page["NextContinuationToken"] : nil
    } while continuation != nil && found.count < limit
    return found
  }

  /// Uploads in parts that began longer ago than `age` and were neither completed nor aborted.
  func unfinishedUploads(olderThan age: Duration) async throws -> [(key: ObjectKey, uploadID: String)] {
    var found: [(key: ObjectKey, uploadID: String)] = []
    var marker: CanonicalRequest.Query? = []
    while let after = marker {
      let answer = try await send(S3Request(.get, nil, query: [("uploads", "")] + after))
      guard let page = try? XMLTree(parsing: answer.body), page.name == "ListMultipartUploadsResult" else { throw Self.unreadable }
      for upload in page.all("Upload") {
        guard let key = upload["Key"].flatMap({ try? ObjectKey($0) }), let uploadID = upload["UploadId"],
          let begun = upload["Initiated"].flatMap(Self.moment), .seconds(Self.date(of: answer).timeIntervalSince(begun)) > age
        else { continue }
        found.append((key, uploadID))
      }
      marker = nil
      if page["IsTruncated"] == "true", let key = page["NextKeyMarker"], let upload = page["NextUploadIdMarker"] {
        marker = [("key-marker", key), ("upload-id-marker", upload)]
      }
    }
    return found
  }

  /// The store's clock: ages must not depend on how far ours is off.
  static func date(of answer: HTTPClientResponse) -> Date { answer.headers["Date"].flatMap(HTTPDate.parse) ?? Date() }

  private static func object(_ entry: XMLTree, now: Date) -> ObjectInfo? {
    guard let key = entry["Key"].flatMap({ try? ObjectKey($0) }), let size = entry["Size"].flatMap({ Int($0) }),
      let changed = entry["LastModified"].flatMap(moment)
    else { return nil }
    return ObjectInfo(key: key, size: size, age: .seconds(now.timeIntervalSince(changed)))
  }

  /// RFC 3339 with or without parts of a second.
  private static func moment(_ text: String) -> Date? {
    (try? Date(text, strategy: .iso8601)) ?? (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
  }
}
