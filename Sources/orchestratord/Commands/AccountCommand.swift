import Cryptography
import Foundation
import PostgreSQL

/// `orchestratord account ...`: people who log in, and the first admin, whom nobody else can name.
struct AccountCommand {
  let directory: AccessDirectory
  let output: TerminalOutput

  static let help = """
    orchestratord account create --email EMAIL --username NAME [--roles admin,...] [--password-file FILE]
    orchestratord account list [--role ROLE] [--json]
    orchestratord account roles NAME ROLE,... [--reason TEXT]
    orchestratord account block NAME [--reason TEXT]
    orchestratord account unblock NAME [--reason TEXT]
    """

  static func run(_ arguments: inout Arguments) async throws {
    let configuration = try Configuration(&arguments)
    let database = try Database(try ConfiguredDatabase.connectOnly(configuration), maximumConnections: 1)
    do {
      try await AccountCommand(directory: AccessDirectory(database: database), output: .standard).run(&arguments)
      await database.shutdown()
    } catch {
      await database.shutdown()
      throw error
    }
  }

  func run(_ arguments: inout Arguments) async throws {
    switch try arguments.positional() {
    case "create": try await create(&arguments)
    case "list": try await list(&arguments)
    case "roles":
      let account = try await account(&arguments)
      let roles = try Self.roles(try arguments.required("the roles"))
      try await change("account roles", account, &arguments) { try await directory.setRoles(roles, of: account.id) }
    case "block":
      let account = try await account(&arguments)
      try await change("account block", account, &arguments) { try await directory.setBlocked(true, account.id) }
    case "unblock":
      let account = try await account(&arguments)
      try await change("account unblock", account, &arguments) { try await directory.setBlocked(false, account.id) }
    case let word: throw UsageError("\(word.map { "there is no 'account \($0)'" } ?? "say what to do"):\n\(Self.help)")
    }
  }

  /// Without a file for it, a password is made and shown this once: it would stand in the list of processes as an option.
  private func create(_ arguments: inout Arguments) async throws {
    guard let email = try arguments.option("--email"), let username = try arguments.option("--username") else {
      throw UsageError("an account needs --email and --username")
    }
    let roles = try Self.roles(try arguments.option("--roles") ?? "listener")
    let file = try arguments.option("--password-file")
    let reason = try arguments.option("--reason")
    try arguments.finish()
    let password = try file.map(Self.password) ?? Base64URL.encode(SecureRandom.bytes(15))
    do {
      let (email, username) = (try AccountTexts.email(email), try AccountTexts.username(username))
      let hash = try await PasswordWork.shared.hash(try AccountTexts.password(password, username: username, email: email))
      try await audited("account create", on: username, reason) {
        guard try await directory.addAccount(email: email, username: username, passwordHash: hash, roles: roles) != nil else {
          throw UsageError("there is an account with this email address or user name")
        }
      }
      output.line("\(username): \(roles.map(\.rawValue).sorted().joined(separator: ", "))")
      if file == nil { output.line("password: \(password)") }
    } catch let problem as APIProblem {
      throw UsageError(problem.detail)
    }
  }

  private func list(_ arguments: inout Arguments) async throws {
    let role = try arguments.option("--role").map { try Self.roles($0) }?.first
    let isJSON = arguments.flag("--json")
    try arguments.finish()
    let accounts = try await directory.accounts(with: role, after: nil, limit: 1000)
    if isJSON { return try output.json(Page(items: accounts.map(AccountDocument.init), nextCursor: nil)) }
    if accounts.isEmpty { return output.line("no accounts") }
    var table = TerminalTable("NAME", "EMAIL", "ROLES", "BLOCKED", "ID")
    for account in accounts {
      table.add(
        .init(account.username), .init(account.email), .init(account.roles.map(\.rawValue).sorted().joined(separator: ",")),
        .init(account.isBlocked ? "yes" : ""), .init(account.userID))
    }
    output.table(table)
  }

  private func change(
    _ action: String, _ account: AccountRecord, _ arguments: inout Arguments, _ body: () async throws -> AccountRecord?
  ) async throws {
    let reason = try arguments.option("--reason")
    try arguments.finish()
    try await audited(action, on: account.username, reason) { _ = try await body() }
    output.line("done")
  }

  private func audited(_ action: String, on target: String, _ reason: String?, _ body: () async throws -> Void) async throws {
    let trail = AuditTrail(database: directory.database)
    let actor = "local:\(ProcessInfo.processInfo.environment["USER"] ?? "uid \(getuid())")"
    let id = try await trail.begin(action, on: target, by: actor, [], from: nil)
    do {
      try await body()
      try await trail.finish(id, status: 0, reason)
    } catch {
      try await trail.finish(id, status: 1, reason)
      throw error
    }
  }

  private func account(_ arguments: inout Arguments) async throws -> AccountRecord {
    let name = try arguments.required("the user name or email address")
    guard let account = try await directory.credentials(name)?.account else { throw UsageError("there is no account '\(name)'") }
    return account
  }

  private static func roles(_ text: String) throws(UsageError) -> Set<Role> {
    let names = text.split(separator: ",").map(String.init)
    let roles = names.compactMap(Role.init)
    guard !roles.isEmpty, roles.count == names.count, AccessAPI.personalRoles.isSuperset(of: roles) else {
      throw UsageError("roles are listener, artist, admin and operator, with commas between them, not '\(text)'")
    }
    return Set(roles)
  }

  private static func password(_ file: String) throws(UsageError) -> String {
    guard let data = FileManager.default.contents(atPath: file), data.count <= 4096, let text = String(data: data, encoding: .utf8) else {
      throw UsageError("the file \(file) cannot be read")
    }
    return text.trimmingCharacters(in: .newlines)
  }
}
