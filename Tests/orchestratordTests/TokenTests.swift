import Cryptography
import Foundation
import HTTP
import Testing

@testable import orchestratord

/// What is taken as a JSON Web Token, and above all what is not.
@Suite struct TokenTests {
  static let secret = "a secret of more than thirty-two bytes, for tests"
  static let time = 1_800_000_000.0

  /// Trusts `issuer.example` by the key, at a time that stands still.
  static func verifier(_ keys: [VerificationKey], rolesClaim: String = "roles") -> TokenVerifier {
    let issuer = TrustedIssuer(name: "https://issuer.example", audience: "music", rolesClaim: rolesClaim, keys: IssuerKeys(.fixed(keys)))
    return TokenVerifier(issuers: [issuer], now: { time })
  }

  static func claims(_ change: (inout TokenClaims) -> Void = { _ in }) -> TokenClaims {
    var claims = TokenClaims(
      issuer: "https://issuer.example", subject: "anna", audience: "music", issuedAt: time, expiresAt: time + 600)
    claims.roles = [.artist]
    change(&claims)
    return claims
  }

  /// A token of any header and claims under the secret.
  private func forged(header: String, claims: String? = nil, secret: [UInt8] = Array(Self.secret.utf8)) throws -> String {
    let payload = try claims.map { [UInt8]($0.utf8) } ?? [UInt8](JSONEncoder().encode(Self.claims()))
    let text = "\(Base64URL.encode(header.utf8)).\(Base64URL.encode(payload))"
    return "\(text).\(Base64URL.encode(HMAC.sha256(key: secret, Array(text.utf8))))"
  }

  private func error(_ token: String, _ verifier: TokenVerifier) async -> TokenError? {
    await #expect(throws: TokenError.self) { _ = try await verifier.verify(token) }
  }

  @Test func `A token of the trusted issuer names its user and roles, for HS256 and RS256`() async throws {
    for signer in [try TokenSigner(Self.secret), try TokenSigner(RSAKeys.first)] {
      let (claims, _) = try await Self.verifier([signer.verificationKey]).verify(try signer.token(Self.claims()))
      #expect(claims == Self.claims())
    }
  }

  @Test func `The signature of RFC 7515 appendix A.1 is right, and none of its neighbours`() throws {
    let text =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    let verification = VerificationKey(keyID: nil, material: .secret(try #require(Base64URL.decode(key))))
    #expect(verification.verifies(try SignedToken("\(text).dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")))
    #expect(!verification.verifies(try SignedToken("\(text).dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXg")))
  }

  @Test func `A token without a signature is refused, however none is written`() async throws {
    let verifier = Self.verifier([try TokenSigner(Self.secret).verificationKey])
    for name in ["none", "None", "NONE", "nOnE", "", "HS384", "RS512", "ES256", "PS256", "hs256"] {
      let token = try forged(header: "{\"alg\":\"\(name)\"}")
      #expect(await error(token, verifier) == .algorithmNotAllowed)
      let unsigned = token.split(separator: ".").prefix(2).joined(separator: ".") + "."
      #expect(await error(unsigned, verifier) == .algorithmNotAllowed)
    }
    let good = try TokenSigner(Self.secret).token(Self.claims())
    #expect(await error(good.split(separator: ".").prefix(2).joined(separator: ".") + ".", verifier) == .signatureWrong)
  }

  @Test func `A public key is never a secret: HS256 under the text of an RS256 key is refused`() async throws {
    let signer = try TokenSigner(RSAKeys.first)
    let verifier = Self.verifier([signer.verificationKey])
    guard case .publicKey(let key) = signer.verificationKey.material else { return }
    for secret in [key.modulus, Array(RSAKeys.firstPublic.utf8), Array(RSAKeys.first.utf8)] {
      for header in ["{\"alg\":\"HS256\"}", "{\"alg\":\"HS256\",\"kid\":\"\(signer.keyID)\"}"] {
        #expect(await error(try forged(header: header, secret: secret), verifier) == .keyNotKnown)
      }
    }
  }

  @Test func `Keys that a token brings along are not looked at`() async throws {
    let verifier = Self.verifier([try TokenSigner(Self.secret).verificationKey])
    let own = Array("the secret of somebody else, long enough".utf8)
    let header = "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"\(Base64URL.encode(own))\"},\"jku\":\"http://127.0.0.1/\"}"
    #expect(await error(try forged(header: header, secret: own), verifier) == .signatureWrong)
    #expect(await error(try forged(header: "{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}"), verifier) == .extensionNotKnown)
    #expect(await error(try forged(header: "{\"alg\":\"HS256\",\"typ\":\"channel+jwt\"}"), verifier) == .typeNotAllowed)
  }

  @Test func `Times count with a minute's leeway, and a token without an end is refused`() async throws {
    let signer = try TokenSigner(Self.secret)
    let verifier = Self.verifier([signer.verificationKey])
    func outcome(_ change: (inout TokenClaims) -> Void) async throws -> TokenError? {
      do {
        _ = try await verifier.verify(try signer.token(Self.claims(change)))
        return nil
      } catch let error as TokenError { return error }
    }
    #expect(try await outcome { $0.expiresAt = Self.time - 59 } == nil)
    #expect(try await outcome { $0.expiresAt = Self.time - 60 } == .expired)
    #expect(try await outcome { $0.notBefore = Self.time + 60 } == nil)
    #expect(try await outcome { $0.notBefore = Self.time + 61 } == .notYetValid)
    #expect(try await outcome { $0.audiences = ["films"] } == .audienceWrong)
    #expect(try await outcome { $0.audiences = ["films", "music"] } == nil)
    #expect(try await outcome { $0.issuer = "https://evil.example" } == .issuerNotTrusted)
  }

  @Test(arguments: [
    (#"{"iss":"https://issuer.example","sub":"anna","aud":"music"}"#, "exp"),
    (#"{"iss":"https://issuer.example","sub":"anna","aud":"music","exp":true}"#, "exp"),
    (#"{"iss":"https://issuer.example","sub":"anna","aud":"music","exp":"1900000000"}"#, "exp"),
    (#"{"iss":"https://issuer.example","sub":"anna","aud":"music","exp":1e300}"#, "exp"),
    (#"{"iss":"https://issuer.example","sub":"anna","aud":"music","exp":1900000000,"nbf":null}"#, "nbf"),
    (#"{"iss":"https://issuer.example","aud":"music","exp":1900000000}"#, "sub"),
    (#"{"iss":"https://issuer.example","sub":"","aud":"music","exp":1900000000}"#, "sub"),
    (#"{"iss":"https://issuer.example","sub":"an\u0000na","aud":"music","exp":1900000000}"#, "sub"),
    (#"{"iss":"https://issuer.example","sub":7,"aud":"music","exp":1900000000}"#, "sub"),
    (#"{"iss":"https://issuer.example","sub":"anna","exp":1900000000}"#, "aud"),
    (#"{"sub":"anna","aud":"music","exp":1900000000}"#, "iss"),
  ])
  func `A claim that is missing or of another type is refused`(claims: String, name: String) async throws {
    let verifier = Self.verifier([try TokenSigner(Self.secret).verificationKey])
    #expect(await error(try forged(header: #"{"alg":"HS256"}"#, claims: claims), verifier) == .claimMissing(name))
  }

  @Test(arguments: [
    "", ".", "..", "...", "a.b", "a.b.c", "e30.e30.", "e30.e30.e30.e30", "e30=.e30.e30", "W10.e30.e30", "e3 0.e30.e30", "e30.e30.e\u{e9}0",
    String(repeating: "A", count: 9000),
  ])
  func `What is no token is refused`(text: String) async throws {
    let verifier = Self.verifier([try TokenSigner(Self.secret).verificationKey])
    #expect(await error(text, verifier) == .malformed)
  }

  @Test func `Every change of one character breaks a token`() async throws {
    let signer = try TokenSigner(Self.secret)
    let verifier = Self.verifier([signer.verificationKey])
    let token = Array(try signer.token(Self.claims()).utf8)
    for index in token.indices {
      var changed = token
      changed[index] = changed[index] == 0x41 ? 0x42 : 0x41
      await #expect(throws: TokenError.self) { _ = try await verifier.verify(String(decoding: changed, as: UTF8.self)) }
    }
  }

  @Test func `Weak keys are no keys`() throws {
    #expect(throws: UsageError.self) { try TokenSigner("thirty-one bytes are too little") }
    #expect(throws: UsageError.self) { try TokenSigner(RSAKeys.weak) }
    #expect(throws: UsageError.self) { try TokenSigner("-----BEGIN nonsense") }
    let short = #"{"keys":[{"kty":"oct","k":"\#(Base64URL.encode(Array("short".utf8)))"}]}"#
    #expect(throws: UsageError.self) { try JSONWebKeySet(json: Array(short.utf8), takesSecrets: true) }
    let secret = #"{"keys":[{"kty":"oct","k":"\#(Base64URL.encode(Array(Self.secret.utf8)))"}]}"#
    #expect(try JSONWebKeySet(json: Array(secret.utf8), takesSecrets: true).keys.count == 1)
    #expect(throws: UsageError.self) { try JSONWebKeySet(json: Array(secret.utf8), takesSecrets: false) }
  }

  @Test func `A channel token is good for the events of its track, and for nothing else`() async throws {
    let tokens = OwnTokens(try TokenSigner(Self.secret), now: { Self.time })
    let channel = try tokens.channel(for: "track-1", of: "anna")
    #expect(try await tokens.user(ofChannel: channel, for: "track-1") == "anna")
    await #expect(throws: TokenError.audienceWrong) { try await tokens.user(ofChannel: channel, for: "track-2") }
    let access = TokenVerifier(issuers: [tokens.trusted], now: { Self.time })
    await #expect(throws: TokenError.typeNotAllowed) { _ = try await access.verify(channel) }
    let session = try tokens.session(of: "anna", roles: [.artist], generation: 1)
    #expect(try await access.verify(session.token).claims.generation == 1)
    #expect(session.expiresAt == Self.time + 7 * 86_400)
    await #expect(throws: TokenError.typeNotAllowed) { try await tokens.user(ofChannel: session.token, for: "track-1") }
    let later = OwnTokens(try TokenSigner(Self.secret), now: { Self.time + 3660 })
    await #expect(throws: TokenError.expired) { try await later.user(ofChannel: channel, for: "track-1") }
    let stranger = OwnTokens(try TokenSigner(Self.secret + "!"), now: { Self.time })
    await #expect(throws: TokenError.keyNotKnown) { try await stranger.user(ofChannel: channel, for: "track-1") }
  }
}
