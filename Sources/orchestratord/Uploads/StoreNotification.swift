import Activities

/// What a store tells of new objects: the event message of S3, as MinIO, Ceph and others send it to a webhook.
///
/// It may come several times, late, and in any order; what else it says is of no concern, because the store is asked.
struct StoreNotification: Decodable, Sendable {
  static let largestBody = 1 << 20
  static let mostRecords = 1000

  struct Record: Decodable, Sendable {
    struct Store: Decodable, Sendable {
      struct Object: Decodable, Sendable { let key: String }

      let object: Object
    }

    let eventName: String
    let s3: Store

    /// Such as `ObjectCreated:Put` or `s3:ObjectCreated:CompleteMultipartUpload`.
    var tellsOfNewObject: Bool { eventName.split(separator: ":").contains("ObjectCreated") }

    /// Nil when it is none of ours.
    var key: ObjectKey? { Self.decode(s3.object.key).flatMap { try? ObjectKey($0) } }

    /// Keys come encoded as in a form: `+` is a blank.
    private static func decode(_ text: String) -> String? { text.replacing("+", with: " ").removingPercentEncoding }
  }

  private enum Field: String, CodingKey { case records = "Records" }

  /// None in the message by which a store tries whether somebody listens.
  let records: [Record]

  init(from decoder: any Decoder) throws {
    records = try decoder.container(keyedBy: Field.self).decodeIfPresent([Record].self, forKey: .records) ?? []
  }
}
