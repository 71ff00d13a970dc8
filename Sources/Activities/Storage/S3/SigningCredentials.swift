import Cryptography

/// A key for requests to S3: AWS Signature Version 4.
public struct SigningCredentials: Sendable, CustomStringConvertible {
  static let algorithm = "AWS4-HMAC-SHA256"

  public let keyID: String
  private let secret: String
  /// Such as `eu-central-1`; `auto` for R2.
  public let region: String

  public init(keyID: String, secret: String, region: String) {
    self.keyID = keyID
    self.secret = secret
    self.region = region
  }

  /// Without the secret.
  public var description: String { "key \(keyID) of region \(region)" }

  /// What a signature of that day is good for.
  func scope(_ time: SigningTime) -> String { "\(time.day)/\(region)/s3/aws4_request" }

  /// 64 hexadecimal digits.
  func signature(of request: CanonicalRequest, at time: SigningTime) -> String {
    let digest = Hexadecimal.encode(Digest.sha256(request.text.utf8))
    let text = "\(Self.algorithm)\n\(time.text)\n\(scope(time))\n\(digest)"
    return Hexadecimal.encode(HMAC.sha256(key: signingKey(time), text.utf8))
  }

  private func signingKey(_ time: SigningTime) -> [UInt8] {
    scope(time).split(separator: "/").reduce(Array("AWS4\(secret)".utf8)) { key, part in HMAC.sha256(key: key, part.utf8) }
  }
}
