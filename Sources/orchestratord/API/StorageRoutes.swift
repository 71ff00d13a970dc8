import Activities
import Cryptography
import Foundation
import HTTP

/// The local store as a bucket `storage`, for those who have a presigned URL of it: what S3 does for its own.
struct StorageRoutes: Sendable {
  static let bucket = "storage"

  let store: any ObjectStore
  let credentials: SigningCredentials

  func addRoutes(to router: inout Router) {
    router.on(.put, "/storage/{key...}") { try await put($0) }
    router.on(.get, "/storage/{key...}") { try await get($0) }
  }

  /// Stores exactly as many bytes as were signed; whatever goes wrong, what was there before stays.
  private func put(_ request: HTTPRequest) async throws -> HTTPResponse {
    let signed = try verified(request)
    guard let length = request.body.declaredLength, request.headers["Content-Length"] == String(length),
      signed.contains("content-length"), signed.contains("content-type")
    else {
      throw APIProblem(.forbidden, "signature-refused", "Length and type of what is stored must be signed.")
    }
    let writer = try await store.write(key(request), limitBytes: Int(clamping: length))
    defer { writer.discard() }
    var hasher = SHA256Hasher()
    var count: UInt64 = 0
    for try await chunk in request.body {
      try chunk.withUnsafeBytes { bytes in
        try writer.append(bytes)
        hasher.update(bytes)
      }
      count += UInt64(chunk.count)
    }
    guard count == length else { throw APIProblem.invalid("size-differs", "The body has \(count) instead of \(length) bytes.") }
    let digest = hasher.finalize()
    if let checksum = request.headers["x-amz-checksum-sha256"], Data(base64Encoded: checksum).map({ [UInt8]($0) }) != digest {
      throw APIProblem.invalid("digest-differs", "The body has another SHA-256 than x-amz-checksum-sha256 says.")
    }
    _ = try await writer.commit()
    return HTTPResponse()
  }

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse {
    _ = try verified(request)
    let key = try key(request)
    guard let path = try await store.storedFile(key) else { throw ObjectStoreError(.notFound, "there is no object \(key)") }
    let type = request.queryValue("response-content-type") ?? key.contentType
    var response = try HTTPResponse.file(at: path, contentType: type, for: request)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Disposition"] = request.queryValue("response-content-disposition")
    return response
  }

  /// The key is taken from the whole path: the signature covers that.
  private func key(_ request: HTTPRequest) throws -> ObjectKey { try ObjectKey(String(request.path.dropFirst("/\(Self.bucket)/".count))) }

  /// The names of the headers that are signed.
  /// - Throws: `APIProblem` 400 or 403.
  private func verified(_ request: HTTPRequest) throws -> [String] {
    do {
      let signature = try PresignedSignature(request)
      try signature.verify(request, by: credentials, at: SigningTime(Date()))
      return signature.signedHeaders
    } catch {
      throw error.problem
    }
  }
}

extension SigningCredentials {
  /// What all processes of a database sign the URLs of their local store with.
  static func local(_ signer: TokenSigner) -> SigningCredentials {
    SigningCredentials(keyID: "local", secret: Base64URL.encode(signer.secret(for: "local object store")), region: "local")
  }
}

extension SignatureError {
  /// Forged and altered ones are told the same.
  fileprivate var problem: APIProblem {
    switch self {
    case .malformed:
      APIProblem.invalid("invalid-signature", "The URL must carry one whole signature: X-Amz-Algorithm, -Credential, -Date and so on.")
    case .expired: APIProblem(.forbidden, "url-expired", "This URL was good for a time that is over. Ask for a new one.")
    case .notYetValid: APIProblem(.forbidden, "url-expired", "This URL was signed at a time that has not come yet.")
    case .headersDiffer:
      APIProblem(.forbidden, "signature-refused", "Send exactly the headers that came with the URL: the signature covers them.")
    case .keyNotKnown, .signatureWrong:
      APIProblem(.forbidden, "signature-refused", "The signature is not one of this URL, method and headers.")
    }
  }
}
