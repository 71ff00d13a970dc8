import Activities
import HTTP

/// How often and how much one user may upload, by whatever way; counted in the database, so that all processes agree.
struct UploadAdmission: Sendable {
  static let span = Duration.seconds(3600)

  let catalog: TrackCatalog
  let limits: UploadLimits

  /// Counts an upload that begins, and tells the client in the answer how many more may (draft-ietf-httpapi-ratelimit-headers-10).
  ///
  /// - Parameter bytes: as far as the client says how many will come; what really came is checked when the upload is accepted.
  /// - Throws: `APIProblem` 429 with `Retry-After` for too many, 413 where the quota cannot hold it.
  func admitting(_ user: String, bytes: UInt64?, _ body: () async throws -> HTTPResponse) async throws -> HTTPResponse {
    let allowance = try await catalog.admitUpload(of: user, limit: limits.uploadsPerHour, span: Self.span)
    guard allowance.waitSeconds == 0 else {
      var headers = rateLimit(allowance)
      headers["Retry-After"] = String(allowance.waitSeconds)
      throw APIProblem(
        .tooManyRequests, "too-many-uploads",
        "\(limits.uploadsPerHour) uploads an hour are allowed. Try again in \(allowance.waitSeconds) seconds.", headers: headers)
    }
    let left = max(0, Int64(limits.quotaBytes) - allowance.usedBytes)
    if let bytes, bytes > UInt64(left) {
      throw APIProblem(
        .contentTooLarge, "quota-exceeded",
        "Your files have \(allowance.usedBytes) bytes together, and \(limits.quotaBytes) are allowed: this one does not fit any more.",
        extensions: ["quotaBytes": .number(limits.quotaBytes), "usedBytes": .number(Int(allowance.usedBytes))])
    }
    var response = try await body()
    for field in rateLimit(allowance).fields { response.headers[field.name] = field.value }
    return response
  }

  private func rateLimit(_ allowance: UploadAllowance) -> HTTPHeaders {
    [
      "RateLimit-Policy": "\"uploads\";q=\(limits.uploadsPerHour);w=\(Int(Self.span / .seconds(1)))",
      "RateLimit": "\"uploads\";r=\(allowance.remaining);t=\(allowance.resetSeconds)",
    ]
  }
}
