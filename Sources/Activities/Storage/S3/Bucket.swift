import HTTP

/// A request that whoever has it may send until it expires, without any other right.
public struct PresignedRequest: Sendable, Equatable {
  public let method: HTTPMethod
  public let url: String
  /// To be sent exactly so: the signature covers them.
  public let headers: HTTPHeaders
  public let expiresAt: SigningTime
}

/// A bucket of an S3-compatible store and the key to sign requests to it with; its URLs name the bucket in the path.
public struct Bucket: Sendable, CustomStringConvertible {
  /// `https://host` or `https://host:port`.
  let origin: String
  /// As the header `Host` says it.
  let host: String
  /// Before the bucket's name; empty or with a slash in front.
  let prefix: String
  public let name: String
  let credentials: SigningCredentials

  /// - Parameter endpoint: `https://host`, with a port and a path as the store has them; names are not looked up.
  /// - Throws: `ObjectStoreError.invalidKey` when the endpoint is no such URL or the name is no bucket's.
  public init(_ name: String, at endpoint: String, _ credentials: SigningCredentials) throws(ObjectStoreError) {
    guard
      let match = endpoint.wholeMatch(of: /(https?):\/\/([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?((?:\/[A-Za-z0-9._~\-]+)*)\/?/)
    else {
      throw ObjectStoreError(.invalidKey, "the endpoint of a store is written https://host or https://host:port, without a query")
    }
    guard name.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._\-]{1,62}/) != nil else {
      throw ObjectStoreError(.invalidKey, "the name of a bucket has 2 to 63 letters, digits, dots, dashes and underscores")
    }
    // Clients leave the port out of `Host` where the scheme says it.
    let isUsual = match.3 == (match.1 == "https" ? ":443" : ":80")
    host = match.2.lowercased() + (isUsual ? "" : match.3 ?? "")
    origin = "\(match.1)://\(host)"
    prefix = String(match.4)
    self.name = name
    self.credentials = credentials
  }

  public var description: String { "bucket \(name) at \(origin)\(prefix)" }

  /// The path of an object, or of the bucket itself.
  func path(_ key: ObjectKey?) -> String { "\(prefix)/\(name)" + (key.map { "/\($0.text)" } ?? "") }

  // MARK: - By URL

  /// A request to be sent by somebody else.
  /// - Parameters:
  ///   - headers: that must be sent exactly so.
  ///   - lifetime: 1 second to 7 days; what is outside counts as the nearest of these.
  public func presign(
    _ method: HTTPMethod, _ key: ObjectKey, query: [(name: String, value: String)] = [], headers: HTTPHeaders = [:], from time: SigningTime,
    lifetime: Duration
  ) -> PresignedRequest {
    let seconds = min(max(lifetime.components.seconds, 1), PresignedSignature.longestLifetime)
    var signed = headers
    signed["Host"] = host
    var query = query
    let names = CanonicalRequest(method, path: "", query: [], headers: signed).signedHeaders
    query += [
      ("X-Amz-Algorithm", SigningCredentials.algorithm), ("X-Amz-Credential", "\(credentials.keyID)/\(credentials.scope(time))"),
      ("X-Amz-Date", time.text), ("X-Amz-Expires", String(seconds)), ("X-Amz-SignedHeaders", names),
    ]
    let request = CanonicalRequest(method, path: path(key), query: query, headers: signed)
    query.append(("X-Amz-Signature", credentials.signature(of: request, at: time)))
    return PresignedRequest(
      method: method, url: url(key, query), headers: headers, expiresAt: SigningTime(seconds: time.seconds + seconds))
  }

  /// To store exactly this many bytes as this type.
  public func upload(
    _ key: ObjectKey, contentType: String, sizeBytes: Int64, from time: SigningTime, lifetime: Duration
  ) -> PresignedRequest {
    presign(
      .put, key, headers: ["Content-Length": String(sizeBytes), "Content-Type": contentType], from: time, lifetime: lifetime)
  }

  /// To read an object, or ranges of it.
  /// - Parameter fileName: what browsers shall store it as; nil to show it.
  public func download(_ key: ObjectKey, fileName: String? = nil, from time: SigningTime, lifetime: Duration) -> PresignedRequest {
    let name = fileName.map { PercentEncoding.encode($0) }
    var query: CanonicalRequest.Query = []
    if let name { query.append(("response-content-disposition", "attachment; filename*=UTF-8''\(name)")) }
    return presign(.get, key, query: query, from: time, lifetime: lifetime)
  }

  /// To store one part of an upload in parts.
  public func uploadPart(
    _ key: ObjectKey, number: Int, of uploadID: String, from time: SigningTime, lifetime: Duration
  ) -> PresignedRequest {
    presign(.put, key, query: [("partNumber", String(number)), ("uploadId", uploadID)], from: time, lifetime: lifetime)
  }

  // MARK: - By header

  /// The URL and headers of a request that is sent at once.
  /// - Parameter payloadHash: SHA-256 of the body in hexadecimal digits, or ``CanonicalRequest/unsignedPayload``.
  func sign(
    _ method: HTTPMethod, _ key: ObjectKey?, query: CanonicalRequest.Query = [], headers: HTTPHeaders = [:], payloadHash: String,
    at time: SigningTime
  ) -> (url: String, headers: HTTPHeaders) {
    var sent = headers
    sent["x-amz-content-sha256"] = payloadHash
    sent["x-amz-date"] = time.text
    var signed = sent
    signed["Host"] = host
    let request = CanonicalRequest(method, path: path(key), query: query, headers: signed, payloadHash: payloadHash)
    let signature = credentials.signature(of: request, at: time)
    sent["Authorization"] = """
      \(SigningCredentials.algorithm) Credential=\(credentials.keyID)/\(credentials.scope(time)), \
      SignedHeaders=\(request.signedHeaders), Signature=\(signature)
      """
    return (url(key, query), sent)
  }

  private func url(_ key: ObjectKey?, _ query: CanonicalRequest.Query) -> String {
    let path = origin + PercentEncoding.encode(path(key), keepingSlashes: true)
    return query.isEmpty ? path : "\(path)?\(CanonicalRequest.encoded(query))"
  }
}
