import Activities
import HTTP

/// How others reach the objects of the store by presigned URLs.
enum StorageAccess: Sendable {
  /// By this service, under the name that a client uses for it, or under the one that was configured.
  case local(SigningCredentials, publicURL: String?)
  /// By the store itself.
  case bucket(Bucket)

  /// What to make URLs with for a client.
  /// - Throws: `APIProblem` 400 when the request does not say what this service is called.
  func bucket(for request: HTTPRequest) throws -> Bucket {
    switch self {
    case .bucket(let bucket): return bucket
    case .local(let credentials, let publicURL):
      let scheme = request.headers["X-Forwarded-Proto"] == "https" ? "https" : "http"
      do {
        return try Bucket(StorageRoutes.bucket, at: publicURL ?? "\(scheme)://\(request.headers["Host"] ?? "")", credentials)
      } catch {
        throw APIProblem.invalid("invalid-host", "The header Host must name this service.")
      }
    }
  }
}
