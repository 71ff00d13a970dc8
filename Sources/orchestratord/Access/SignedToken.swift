import Cryptography
import Foundation
import HTTP

/// A JSON Web Token in its compact form (RFC 7515 section 3.1, RFC 7519), taken apart and not yet believed.
struct SignedToken: Sendable {
  /// The algorithms that are taken (RFC 7518 section 3.1). `none` is not one of them.
  enum Algorithm: String, Sendable, Codable {
    case hs256 = "HS256"
    case rs256 = "RS256"
  }

  /// Bytes of a token; what identity providers make has one to three thousand.
  static let largestToken = 8 << 10
  static let largestHeader = 1 << 10

  let algorithm: Algorithm
  /// Which of its keys the issuer signed with.
  let keyID: String?
  let type: String?
  /// The claims as JSON.
  let payload: [UInt8]
  /// What the signature is over.
  let signedText: [UInt8]
  let signature: [UInt8]

  private struct Header: Decodable {
    enum CodingKeys: CodingKey { case alg, kid, typ, crit, b64 }

    let alg: String
    let kid: String?
    let typ: String?
    let hasExtensions: Bool

    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      alg = try fields.decode(String.self, forKey: .alg)
      kid = try fields.decodeIfPresent(String.self, forKey: .kid)
      typ = try fields.decodeIfPresent(String.self, forKey: .typ)
      hasExtensions = fields.contains(.crit) || fields.contains(.b64)
    }
  }

  /// Keys inside the header (`jwk`, `jku`, `x5c`, `x5u`) are never looked at: who forges a token would bring its own.
  init(_ text: String) throws(TokenError) {
    guard text.utf8.count <= Self.largestToken else { throw .malformed }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
      let signature = Base64URL.decode(parts[2]), header.count <= Self.largestHeader
    else { throw .malformed }
    let known: Header = try Self.decode(header)
    guard !known.hasExtensions else { throw .extensionNotKnown }
    guard let algorithm = Algorithm(rawValue: known.alg) else { throw .algorithmNotAllowed }
    guard known.kid.map({ 1...255 ~= $0.utf8.count }) ?? true else { throw .malformed }
    self.algorithm = algorithm
    keyID = known.kid
    type = known.typ
    self.payload = payload
    signedText = Array("\(parts[0]).\(parts[1])".utf8)
    self.signature = signature
  }

  /// An object of JSON with few levels.
  static func decode<Value: Decodable>(_ bytes: [UInt8]) throws(TokenError) -> Value {
    do {
      try JSONLimits(depth: 8).check(bytes)
      return try JSONDecoder().decode(Value.self, from: Data(bytes))
    } catch {
      throw .malformed
    }
  }
}
