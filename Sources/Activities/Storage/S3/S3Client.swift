import Cryptography
import Foundation
import HTTP

/// One request to a bucket.
struct S3Request: Sendable {
  let method: HTTPMethod
  /// Nil for the bucket itself.
  var key: ObjectKey?
  var query: CanonicalRequest.Query = []
  var headers: HTTPHeaders = [:]
  var body: [UInt8] = []
  /// Bytes that are taken of an answer.
  var answerBytes = 4 << 20

  init(
    _ method: HTTPMethod, _ key: ObjectKey?, query: CanonicalRequest.Query = [], headers: HTTPHeaders = [:], body: [UInt8] = []
  ) {
    self.method = method
    self.key = key
    self.query = query
    self.headers = headers
    self.body = body
  }
}

/// Sends signed requests to one bucket, and again what may succeed later.
struct S3Client: Sendable {
  /// How often and after what time; each wait is drawn from the upper half of the delay.
  struct Pace: Sendable {
    var attempts = 5
    var firstDelay = Duration.milliseconds(100)
    var longestDelay = Duration.seconds(5)
  }

  let bucket: Bucket
  let http: HTTPClient
  var pace = Pace()

  /// The answer to a request that succeeded.
  /// - Throws: `ObjectStoreError`: `notFound` for 404, `refused` for what will not succeed later either, `unavailable`.
  func send(_ request: S3Request) async throws -> HTTPClientResponse {
    try await trying(request) { (signed) async throws(HTTPClientError) in try await http.send(signed) }
  }

  /// Stores the body of the answer in a file.
  func download(_ request: S3Request, to path: String) async throws {
    _ = try await trying(request) { (signed) async throws(HTTPClientError) in try await http.download(signed, to: path) }
  }

  private func trying(
    _ request: S3Request, _ send: (HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse
  ) async throws -> HTTPClientResponse {
    var (attempt, delay) = (1, pace.firstDelay)
    while true {
      try Task.checkCancellation()
      let failure: S3Failure
      do throws(HTTPClientError) {
        let response = try await send(signed(request))
        guard let failed = S3Failure(response, of: request.method) else { return response }
        failure = failed
      } catch {
        failure = S3Failure(error)
      }
      guard failure.isTransient, attempt < pace.attempts else { throw failure.error(of: request, in: bucket) }
      try await Task.sleep(for: max(failure.retryAfter ?? .zero, delay * Double.random(in: 0.5...1)))
      (attempt, delay) = (attempt + 1, min(delay * 2, pace.longestDelay))
    }
  }

  /// Signed anew for each attempt: a signature is good for minutes only.
  private func signed(_ request: S3Request) -> HTTPClientRequest {
    let digest = Hexadecimal.encode(Digest.sha256(request.body))
    let (url, headers) = bucket.sign(
      request.method, request.key, query: request.query, headers: request.headers, payloadHash: digest, at: SigningTime(Date()))
    let hasBody = !request.body.isEmpty || request.method == .put
    var sent = HTTPClientRequest(request.method, url, headers: headers, body: hasBody ? .bytes(request.body) : .none)
    sent.totalTimeout = nil
    sent.idleTimeout = .seconds(60)
    sent.responseLimitBytes = request.answerBytes
    // The endpoint is the operator's choice.
    sent.addressPolicy = .unrestricted
    return sent
  }
}

/// Why a request to a store failed.
struct S3Failure: Sendable {
  /// The store's own word, such as `NoSuchKey`; empty when it gave none.
  let code: String
  private let status: HTTPStatus?
  private let text: String
  private(set) var retryAfter: Duration?
  let isTransient: Bool

  private static let transientCodes: Set<String> = [
    "InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "OperationAborted", "Throttling", "ThrottlingException",
  ]

  /// Nil when the request succeeded.
  ///
  /// Requests that take long are answered with 200 before they are done, and may still say in the body that they failed.
  init?(_ response: HTTPClientResponse, of method: HTTPMethod) {
    // What is read may be any object, also one that looks like an error.
    let mayFail = !response.status.isSuccess || method == .post || method == .put
    let root = mayFail && response.body.count <= 1 << 16 ? try? XMLTree(parsing: response.body) : nil
    let said = root?.name == "Error" ? root : nil
    guard !response.status.isSuccess || said != nil else { return nil }
    code = said?["Code"] ?? ""
    status = response.status.isSuccess ? nil : response.status
    text = "it answered \(response.status.rawValue) \(code)"
    retryAfter = response.retryAfter.map { min($0, .seconds(30)) }
    isTransient =
      Self.transientCodes.contains(code) || [429, 500, 502, 503, 504].contains(response.status.rawValue)
      || response.status.isSuccess && code.isEmpty
  }

  init(_ error: HTTPClientError) {
    code = ""
    status = nil
    text = error.description
    isTransient = error.isTransient
  }

  func error(of request: S3Request, in bucket: Bucket) -> ObjectStoreError {
    let what = "\(request.method.rawValue) of \(request.key.map(\.text) ?? "the list") in bucket \(bucket.name)"
    if status == .notFound { return ObjectStoreError(.notFound, "\(what): there is no such object (\(text))") }
    if status == .preconditionFailed { return ObjectStoreError(.unavailable, "\(what): the object was replaced meanwhile") }
    if isTransient || status == nil { return ObjectStoreError(.unavailable, "\(what) failed: \(text)") }
    return ObjectStoreError(.refused, "\(what) was refused: \(text). Check the key, the region and what the key may do")
  }
}
