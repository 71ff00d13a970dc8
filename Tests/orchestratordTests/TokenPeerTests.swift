import Cryptography
import Foundation
import HTTP
import Synchronization
import Testing

@testable import orchestratord

/// PyJWT, which is not ours, makes tokens that we take and takes those that we make; keys come as an issuer publishes them.
@Suite struct TokenPeerTests {
  private static let program = """
    import json, sys, jwt
    order = json.load(sys.stdin)
    if order["do"] == "sign":
        print(json.dumps({"token": jwt.encode(order["claims"], order["key"], algorithm=order["alg"], headers=order.get("headers"))}))
    else:
        try:
            claims = jwt.decode(order["token"], order["key"], algorithms=[order["alg"]], audience=order["audience"], issuer=order["issuer"],
                                options={"require": ["exp", "iat", "sub", "aud", "iss"]})
            print(json.dumps({"claims": claims}))
        except jwt.PyJWTError as error:
            print(json.dumps({"error": type(error).__name__}))
    """

  private static func ask(_ order: [String: Any]) throws -> [String: Any] {
    let process = Process()
    // Debian's own interpreter: python3-jwt is installed for that one.
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = ["-c", program]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: JSONSerialization.data(withJSONObject: order))
    try input.fileHandleForWriting.close()
    let printed = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return try #require(try JSONSerialization.jsonObject(with: printed) as? [String: Any])
  }

  private static func keySet(_ keys: [(keyID: String, key: RSAPublicKey)]) -> String {
    let entries = keys.map { keyID, key in
      #"{"kty":"RSA","use":"sig","alg":"RS256","kid":"\#(keyID)","n":"\#(Base64URL.encode(key.modulus))","e":"\#(Base64URL.encode(key.exponent))"}"#
    }
    return #"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},\#(entries.joined(separator: ","))]}"#
  }

  private static func publicKey(_ pem: String) throws -> RSAPublicKey { try #require(RSAPrivateKey(pem: pem)).publicKey }

  private static func token(keyID: String, _ pem: String, _ change: [String: Any] = [:]) throws -> String {
    var claims: [String: Any] = [
      "iss": "https://issuer.example", "sub": "anna", "aud": ["music", "films"], "exp": Int(Date().timeIntervalSince1970) + 600,
      "roles": ["artist", "king"],
    ]
    claims.merge(change) { $1 }
    return try #require(
      try ask(["do": "sign", "alg": "RS256", "key": pem, "claims": claims, "headers": ["kid": keyID]])["token"] as? String)
  }

  private static func verifier(_ keys: IssuerKeys) -> TokenVerifier {
    TokenVerifier(issuers: [TrustedIssuer(name: "https://issuer.example", audience: "music", keys: keys)])
  }

  @Test func `What PyJWT signs is taken, what is wrong with it is told`() async throws {
    let keys = IssuerKeys(.fixed([VerificationKey(keyID: "a", material: .publicKey(try Self.publicKey(RSAKeys.first)))]))
    let verifier = Self.verifier(keys)
    let claims = try await verifier.verify(try Self.token(keyID: "a", RSAKeys.first)).claims
    #expect(claims.subject == "anna" && claims.roles == [.artist] && claims.audiences == ["music", "films"])
    let past = Int(Date().timeIntervalSince1970) - 3600
    for (change, error) in [
      (["exp": past], TokenError.expired), (["nbf": past + 7200], .notYetValid), (["aud": "films"], .audienceWrong),
      (["iss": "https://evil.example"], .issuerNotTrusted), (["sub": ""], .claimMissing("sub")),
    ] as [([String: Any], TokenError)] {
      let token = try Self.token(keyID: "a", RSAKeys.first, change)
      await #expect(throws: error) { _ = try await verifier.verify(token) }
    }
    let stranger = try Self.token(keyID: "a", RSAKeys.second)
    await #expect(throws: TokenError.signatureWrong) { _ = try await verifier.verify(stranger) }
  }

  @Test func `What we sign, PyJWT takes by HS256 and RS256, with our issuer, audience and end`() async throws {
    for (text, key, algorithm) in [
      (TokenTests.secret, TokenTests.secret, "HS256"), (RSAKeys.first, RSAKeys.firstPublic, "RS256"),
    ] {
      let tokens = OwnTokens(try TokenSigner(text))
      let token = try tokens.session(of: "anna", roles: [.artist, .admin], generation: 3).token
      var order: [String: Any] = [
        "do": "verify", "token": token, "key": key, "alg": algorithm, "audience": OwnTokens.audience, "issuer": OwnTokens.issuer,
      ]
      let claims = try #require(try Self.ask(order)["claims"] as? [String: Any])
      #expect(claims["sub"] as? String == "anna" && claims["roles"] as? [String] == ["admin", "artist"])
      let (end, start) = (try #require(claims["exp"] as? Int), try #require(claims["iat"] as? Int))
      #expect(end - start == 7 * 86_400)
      order["audience"] = OwnTokens.channelAudience
      #expect(try Self.ask(order)["error"] as? String == "InvalidAudienceError")
    }
  }

  @Test func `Keys are fetched once, again when they are turned over, and not for every forged token`() async throws {
    let served = Mutex((document: Self.keySet([("a", try Self.publicKey(RSAKeys.first))]), requests: 0))
    var router = Router()
    router.on(.get, "/keys") { _ in
      served.withLock {
        $0.requests += 1
        return HTTPResponse.json(Array($0.document.utf8))
      }
    }
    let server = try HTTPServer(router: router)
    var pace = IssuerKeys.Pace()
    pace.atMostEvery = .zero
    let url = "http://127.0.0.1:\(server.port)/keys"
    let verifier = Self.verifier(IssuerKeys(.url(url, HTTPClient()), pace: pace))
    let old = try Self.token(keyID: "a", RSAKeys.first)
    for _ in 0..<5 { _ = try await verifier.verify(old) }
    #expect(served.withLock { $0.requests } == 1)
    served.withLock { [second = Self.keySet([("b", try Self.publicKey(RSAKeys.second))])] in $0.document = second }
    _ = try await verifier.verify(try Self.token(keyID: "b", RSAKeys.second))
    #expect(served.withLock { $0.requests } == 2)
    await #expect(throws: TokenError.keyNotKnown) { _ = try await verifier.verify(old) }
    // With the usual pace a key that is not known is looked for once, whoever asks how often.
    served.withLock { $0.requests = 0 }
    let calm = Self.verifier(IssuerKeys(.url(url, HTTPClient())))
    for _ in 0..<20 { await #expect(throws: TokenError.keyNotKnown) { _ = try await calm.verify(old) } }
    #expect(served.withLock { $0.requests } == 1)
    await server.drain(within: .seconds(5))
    // Its issuer is away: the keys that were read serve on; where none were read, the answer is 503.
    served.withLock { $0.requests = 0 }
    _ = try await verifier.verify(try Self.token(keyID: "b", RSAKeys.second))
    await #expect(throws: APIProblem.self) { _ = try await Self.verifier(IssuerKeys(.url(url, HTTPClient()))).verify(old) }
  }

  @Test func `Keys from a file may be secrets too, and their file is read again`() async throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString).json").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    func write(_ secret: String, _ keyID: String) throws {
      let text = #"{"keys":[{"kty":"oct","alg":"HS256","kid":"\#(keyID)","k":"\#(Base64URL.encode(secret.utf8))"}]}"#
      try text.write(toFile: file, atomically: true, encoding: .utf8)
    }
    func token(_ secret: String, _ keyID: String) throws -> String {
      let claims: [String: Any] = [
        "iss": "https://issuer.example", "sub": "anna", "aud": "music", "exp": Date().timeIntervalSince1970 + 600.5,
        "roles": "artist admin",
      ]
      return try #require(
        try Self.ask(["do": "sign", "alg": "HS256", "key": secret, "claims": claims, "headers": ["kid": keyID]])["token"] as? String)
    }
    var pace = IssuerKeys.Pace()
    pace.atMostEvery = .zero
    let verifier = Self.verifier(IssuerKeys(.file(file), pace: pace))
    try write(TokenTests.secret, "1")
    #expect(try await verifier.verify(try token(TokenTests.secret, "1")).claims.roles == [.artist, .admin])
    try write(TokenTests.secret + "2", "2")
    #expect(try await verifier.verify(try token(TokenTests.secret + "2", "2")).claims.subject == "anna")
  }
}
