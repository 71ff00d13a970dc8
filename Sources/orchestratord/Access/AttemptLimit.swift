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
