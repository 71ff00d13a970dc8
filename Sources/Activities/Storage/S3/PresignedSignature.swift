import Cryptography
import HTTP

/// Why a presigned request is not taken.
public enum SignatureError: Error, Sendable, Equatable {
  /// The parameters of the signature are missing, twice there, or not written as they should be.
  case malformed
  /// Signed with a key that is not known here, or for another region or service.
  case keyNotKnown
  /// The time it was signed at is more than 15 minutes ahead.
  case notYetValid
  case expired
  /// A header that counts for the store was sent without being signed, or the other way round.
  case headersDiffer
  case signatureWrong
}

/// The signature that a presigned request carries in its query.
public struct PresignedSignature: Sendable {
  /// 7 days, as AWS has it.
  static let longestLifetime: Int64 = 604_800
  /// How far clocks may differ.
  static let skewSeconds: Int64 = 15 * 60

  private let scope: String
  private let time: SigningTime
  private let lifetime: Int64
  private let signature: String
  /// Names in lower case.
  public let signedHeaders: [String]

  /// - Throws: `SignatureError.malformed`.
  public init(_ request: HTTPRequest) throws(SignatureError) {
    func value(_ name: String) throws(SignatureError) -> String {
      let values = request.query.filter { $0.name == name }
      guard values.count == 1 else { throw .malformed }
      return values[0].value
    }
    guard try value("X-Amz-Algorithm") == SigningCredentials.algorithm, let time = SigningTime(try value("X-Amz-Date")),
      let lifetime = Int64(try value("X-Amz-Expires")), 1...Self.longestLifetime ~= lifetime
    else { throw .malformed }
    self.time = time
    self.lifetime = lifetime
    scope = try value("X-Amz-Credential")
    signature = try value("X-Amz-Signature")
    signedHeaders = try value("X-Amz-SignedHeaders").split(separator: ";", omittingEmptySubsequences: false).map(String.init)
  }

  /// Checks that the request is what was signed with these credentials, and in time.
  ///
  /// Every header `x-amz-...` that was sent must be signed, and so must `Host`; all others are of no concern to a store.
  public func verify(_ request: HTTPRequest, by credentials: SigningCredentials, at now: SigningTime) throws(SignatureError) {
    guard scope == "\(credentials.keyID)/\(credentials.scope(time))" else { throw .keyNotKnown }
    var headers = HTTPHeaders()
    for field in request.headers.fields {
      let name = field.name.lowercased()
      if signedHeaders.contains(name) {
        headers.add(name, field.value)
      } else if name.hasPrefix("x-amz-") || name == "host" {
        throw .headersDiffer
      }
    }
    let query = request.query.filter { $0.name != "X-Amz-Signature" }.map { (name: $0.name, value: $0.value) }
    let canonical = CanonicalRequest(request.method, path: request.path, query: query, headers: headers)
    guard canonical.signedHeaders == signedHeaders.joined(separator: ";") else { throw .headersDiffer }
    guard constantTimeEqual(Array(credentials.signature(of: canonical, at: time).utf8), Array(signature.utf8)) else {
      throw .signatureWrong
    }
    guard time.seconds <= now.seconds + Self.skewSeconds else { throw .notYetValid }
    guard now.seconds <= time.seconds + lifetime else { throw .expired }
  }
}
