import HTTP
import Testing

@testable import orchestratord

@Suite struct AuthenticationTests {
  private func request(
    _ authorization: String? = nil, from address: String = "127.0.0.1", host: String = "localhost:8080", origin: String? = nil
  ) throws -> HTTPRequest {
    var headers: HTTPHeaders = ["Host": host]
    headers["Authorization"] = authorization
    headers["Origin"] = origin
    return try HTTPRequest(method: .get, target: "/", headers: headers, remoteAddress: address)
  }

  @Test func `A configured token names its user and roles`() async throws {
    let authentication = try Authentication(tokens: "0123456789abcdef:anna:artist,fedcba9876543210:ada:admin+operator")
    #expect(try await authentication.principal(of: request("Bearer 0123456789abcdef")) == Principal(userID: "anna", roles: [.artist]))
    #expect(try await authentication.principal(of: request("bearer fedcba9876543210")).roles == [.admin, .operator])
  }

  @Test(arguments: [nil, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer 0123456789abcdeF", "Bearer 0123456789abcdef "])
  func `Anything else is refused, from this machine too`(authorization: String?) async throws {
    let authentication = try Authentication(tokens: "0123456789abcdef:anna:artist")
    let problem = await #expect(throws: APIProblem.self) { try await authentication.principal(of: request(authorization)) }
    #expect(problem?.status == .unauthorized)
  }

  @Test(arguments: ["short:anna:artist", "0123456789abcdef:anna", "0123456789abcdef::artist", "0123456789abcdef:anna:king"])
  func `A configuration that cannot be read is refused without showing its tokens`(configuration: String) {
    let error = #expect(throws: Authentication.ConfigurationError.self) { try Authentication(tokens: configuration) }
    #expect(error?.description.contains("0123456789abcdef") == false)
  }

  @Test func `Development is open to this machine and to its tokens, and to nobody else`() async throws {
    let development = Authentication.development
    #expect(try await development.principal(of: request()).roles == Set(Role.allCases))
    #expect(try await development.principal(of: request(from: "::1", host: "[::1]:8080")).userID == "developer")
    #expect(try await development.principal(of: request("Bearer development-admin", from: "192.0.2.1")).roles == [.admin])
    await #expect(throws: APIProblem.self) { try await development.principal(of: request(from: "192.0.2.1")) }
    await #expect(throws: APIProblem.self) { try await development.principal(of: request("Bearer development-king")) }
  }

  @Test func `What is refused says how to ask, and whether the token was at fault`() async throws {
    let authentication = try Authentication(tokens: "0123456789abcdef:anna:artist")
    let missing = await #expect(throws: APIProblem.self) { try await authentication.principal(of: request()) }
    #expect(missing?.headers["WWW-Authenticate"] == "Bearer realm=\"orchestrator\"")
    let wrong = await #expect(throws: APIProblem.self) { try await authentication.principal(of: request("Bearer fedcba9876543210")) }
    #expect(wrong?.headers["WWW-Authenticate"] == "Bearer realm=\"orchestrator\", error=\"invalid_token\"")
    let principal = try await authentication.principal(of: request("Bearer 0123456789abcdef"))
    let forbidden = #expect(throws: APIProblem.self) { try principal.require(.operator, .admin) }
    #expect(forbidden?.detail == "Operator or admin role required." && forbidden?.status == .forbidden)
    #expect(forbidden?.headers["WWW-Authenticate"] == "Bearer realm=\"orchestrator\", error=\"insufficient_scope\"")
  }

  @Test func `A JSON Web Token of the trusted issuer names its user and roles`() async throws {
    let signer = try TokenSigner(TokenTests.secret)
    var configured = try Authentication(tokens: "0123456789abcdef:anna:artist")
    configured.verifier = TokenTests.verifier([signer.verificationKey])
    let authentication = configured
    let good = try signer.token(TokenTests.claims { $0.roles = [.admin] })
    #expect(try await authentication.principal(of: request("Bearer \(good)")) == Principal(userID: "anna", roles: [.admin]))
    #expect(try await authentication.principal(of: request("Bearer 0123456789abcdef")).roles == [.artist])
    let late = try signer.token(TokenTests.claims { $0.expiresAt = TokenTests.time - 100 })
    let problem = await #expect(throws: APIProblem.self) { try await authentication.principal(of: request("Bearer \(late)")) }
    #expect(problem?.status == .unauthorized && problem?.detail == "The access token is not taken: it has expired.")
    var twice = try request("Bearer \(good)")
    twice.headers.add("Authorization", "Bearer \(good)")
    let doubled = twice
    await #expect(throws: APIProblem.self) { try await authentication.principal(of: doubled) }
  }

  @Test func `A page of another site in a browser of this machine is not this machine`() async throws {
    let development = Authentication.development
    await #expect(throws: APIProblem.self) { try await development.principal(of: request(origin: "https://evil.example")) }
    await #expect(throws: APIProblem.self) { try await development.principal(of: request(host: "evil.example")) }
    await #expect(throws: APIProblem.self) { try await development.principal(of: request(host: "127.evil.example")) }
    #expect(try await development.principal(of: request(origin: "http://localhost:8080")).userID == "developer")
  }
}
