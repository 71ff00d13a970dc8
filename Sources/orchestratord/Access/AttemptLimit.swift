import HTTP
import PostgreSQL

/// How often something may be tried; counted in the database, so that neither a restart nor another process forgives.
struct AttemptLimit: Sendable {
  let kind: String
  let count: Int32
  let minutes: Int64

  /// Wrong passwords for one account.
  static let loginsPerAccount = AttemptLimit(kind: "login-account", count: 10, minutes: 15)
  /// Wrong passwords from one address, whatever the account.
  static let loginsPerAddress = AttemptLimit(kind: "login-address", count: 50, minutes: 15)
  static let accountsPerAddress = AttemptLimit(kind: "account-address", count: 20, minutes: 60)

  /// - Throws: `APIProblem` 429 with `Retry-After`.
  func take(_ subject: String, _ database: Database) async throws {
    var parameters = Parameters(kind, subject, count)
    parameters.appendInterval(microseconds: minutes * 60_000_000)
    let wait = try await database.query(AccessStatements.takeAttempt, parameters).int32(0, 0)
    guard wait > 0 else { return }
    throw APIProblem(
      .tooManyRequests, "too-many-attempts", "There were too many attempts. Try again in \(wait) seconds.",
      headers: ["Retry-After": "\(wait)"])
  }

  /// The attempt was none to be counted.
  func giveBack(_ subject: String, _ database: Database) async throws {
    _ = try await database.query(AccessStatements.returnAttempt, Parameters(kind, subject))
  }

  /// The attempts so far are forgiven.
  func forget(_ subject: String, _ database: Database) async throws {
    _ = try await database.query(AccessStatements.forgetAttempts, Parameters(kind, subject))
  }
}

/// The proxies whose word counts on where a request comes from.
struct TrustedProxies: Sendable {
  private let addresses: Set<IPAddress>

  /// - Parameter text: numeric addresses with commas between them.
  /// - Throws: `UsageError`.
  init(_ text: String = "") throws(UsageError) {
    var addresses: Set<IPAddress> = []
    for part in text.split(separator: ",") {
      let word = part.filter { !$0.isWhitespace }
      guard let address = IPAddress(word) else { throw UsageError("'\(word)' is no numeric IP address of a proxy") }
      addresses.insert(address)
    }
    self.addresses = addresses
  }

  private init(none: Void) { addresses = [] }

  static let none = TrustedProxies(none: ())

  /// The last address of `X-Forwarded-For` that no trusted proxy has: everything before it is the client's own invention.
  func client(of request: HTTPRequest) -> String {
    guard isTrusted(request.remoteAddress) else { return request.remoteAddress }
    let named = request.headers.values("X-Forwarded-For").flatMap { $0.split(separator: ",") }.map { $0.filter { !$0.isWhitespace } }
    for name in named.reversed() {
      guard IPAddress(name) != nil else { break }
      if !isTrusted(name) { return name }
    }
    return request.remoteAddress
  }

  /// Whom a limit for addresses counts: of IPv6 the network of a household, which has more addresses than anyone can count.
  func subject(of request: HTTPRequest) -> String {
    let text = client(of: request)
    guard let address = IPAddress(text)?.unwrapped, address.bytes.count == 16 else { return text }
    return address.bytes.prefix(8).map(String.init).joined(separator: ".")
  }

  private func isTrusted(_ text: String) -> Bool {
    IPAddress(text).map { addresses.contains($0.unwrapped) || addresses.contains($0) } ?? false
  }
}
