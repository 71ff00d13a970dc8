/// The ways a file can come; which one suits is a matter of its size.
enum UploadMethod: String, Sendable, Codable, CaseIterable {
  /// With its fields in one request to the API.
  case form
  /// Straight to the store, by one presigned URL.
  case direct
  /// In pieces that can be continued after an interruption.
  case resumable

  /// Above 4.5 MB there are hosts in front of an API that refuse a body; above 1 GiB nobody wants to begin anew.
  static let largestForm: Int64 = 4_500_000
  static let largestDirect: Int64 = 1 << 30
  /// The most that S3 takes by one request.
  static let mostDirect: Int64 = 5 << 30

  init(sizeBytes: Int64) {
    self = sizeBytes <= Self.largestForm ? .form : sizeBytes <= Self.largestDirect ? .direct : .resumable
  }
}
