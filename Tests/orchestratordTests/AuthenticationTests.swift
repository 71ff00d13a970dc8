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

  @Test func `A configured token names its user and roles`() throws {
    let authentication = try Authentication(tokens: "0123456789abcdef:anna:artist,fedcba9876543210:ada:admin+operator")
    #expect(try authentication.principal(of: request("Bearer 0123456789abcdef")) == Principal(userID: "anna", roles: [.artist]))
    #expect(try authentication.principal(of: request("bearer fedcba9876543210")).roles == [.admin, .operator])
  }

  @Test(arguments: [nil, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer 0123456789abcdeF", "Bearer 0123456789abcdef "])
  func `Anything else is refused, from this machine too`(authorization: String?) throws {
    let authentication = try Authentication(tokens: "0123456789abcdef:anna:artist")
    let problem = #expect(throws: APIProblem.self) { try authentication.principal(of: request(authorization)) }
    #expect(problem?.status == .unauthorized)
  }

  @Test(arguments: ["short:anna:artist", "0123456789abcdef:anna", "0123456789abcdef::artist", "0123456789abcdef:anna:king"])
  func `A configuration that cannot be read is refused without showing its tokens`(configuration: String) {
    let error = #expect(throws: Authentication.ConfigurationError.self) { try Authentication(tokens: configuration) }
    #expect(error?.description.contains("0123456789abcdef") == false)
  }

  @Test func `Development is open to this machine and to its tokens, and to nobody else`() throws {
    let development = Authentication.development
    #expect(try development.principal(of: request()).roles == Set(Role.allCases))
    #expect(try development.principal(of: request(from: "::1", host: "[::1]:8080")).userID == "developer")
    #expect(try development.principal(of: request("Bearer development-admin", from: "192.0.2.1")).roles == [.admin])
    #expect(throws: APIProblem.self) { try development.principal(of: request(from: "192.0.2.1")) }
    #expect(throws: APIProblem.self) { try development.principal(of: request("Bearer development-king")) }
  }

  @Test func `A page of another site in a browser of this machine is not this machine`() throws {
    let development = Authentication.development
    #expect(throws: APIProblem.self) { try development.principal(of: request(origin: "https://evil.example")) }
    #expect(throws: APIProblem.self) { try development.principal(of: request(host: "evil.example")) }
    #expect(throws: APIProblem.self) { try development.principal(of: request(host: "127.evil.example")) }
    #expect(try development.principal(of: request(origin: "http://localhost:8080")).userID == "developer")
  }
}
