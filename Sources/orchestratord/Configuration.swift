import Foundation
import Orchestrator
import PostgreSQL
import Workflows

/// The settings of a process: options win over environment variables, those over the defaults. docs/operating.md lists them.
struct Configuration {
  /// Folder of the embedded database and the local object store.
  var dataFolder = ".orchestrator"
  /// Nil: the embedded PostgreSQL in the data folder.
  var databaseURL: String?
  var address = "127.0.0.1"
  var port: UInt16 = 8080
  var storeFolder: String?
  /// Nil: the offline stand-in answers.
  var lyricsURL: String?
  var lyricsModel = "pocketsphinx-en-us"
  var lyricsKey: String?
  var accessTokens: String?
  /// Whose JSON Web Tokens are taken; nil takes none of others.
  var tokenIssuer: TokenIssuerSettings?
  /// What tokens of accounts are signed with; nil for a secret in the database.
  var tokenKey: String?
  var trustedProxies = TrustedProxies.none
  /// Pages of which origins may call the API; nil for none.
  var crossOrigin: CrossOrigin?
  /// Task queues served in this process, with how many attempts at a time.
  var taskQueues = Configuration.defaultTaskQueues
  var cachedRuns = 1000
  var lease = Duration.seconds(10)
  /// How long ended runs are kept; nil for ever.
  var retention: Duration?
  var uploadBytes = 100 << 20
  /// Nil: no spans are made.
  var traceFile: String?
  /// Nil: values lie in the database as they are.
  var codec: CodecChain?

  /// Nobody said who may do what: the development tokens are taken.
  var isOpenDevelopment: Bool { accessTokens == nil && tokenIssuer == nil && tokenKey == nil }

  static let defaultTaskQueues: [String: Int] = [TaskQueues.catalog: 16, TaskQueues.media: 2, TaskQueues.lyrics: 4]

  init() {}

  /// - Throws: `UsageError` for values that cannot be used.
  init(_ arguments: inout Arguments, _ environment: [String: String] = ProcessInfo.processInfo.environment) throws(UsageError) {
    dataFolder = try arguments.option("--data") ?? environment["ORCHESTRATOR_DATA"] ?? dataFolder
    let namedDatabase = try Self.secret("DATABASE_URL", environment)
    databaseURL = try arguments.option("--database") ?? namedDatabase
    if databaseURL?.isEmpty == true { databaseURL = nil }
    address = try arguments.option("--address") ?? environment["ORCHESTRATOR_ADDRESS"] ?? address
    if let text = try arguments.option("--port") ?? environment["PORT"] {
      guard let number = UInt16(text) else { throw UsageError("the port must be 0 to 65535, not '\(text)'") }
      port = number
    }
    storeFolder = try arguments.option("--store") ?? environment["ORCHESTRATOR_STORE"]
    lyricsURL = try arguments.option("--lyrics-url") ?? environment["LYRICS_URL"]
    lyricsModel = try arguments.option("--lyrics-model") ?? environment["LYRICS_MODEL"] ?? lyricsModel
    lyricsKey = try Self.secret("GEMINI_API_KEY", environment)
    accessTokens = try Self.secret("ORCHESTRATOR_TOKENS", environment)
    tokenIssuer = try Self.tokenIssuer(&arguments, environment)
    tokenKey = try Self.secret("ORCHESTRATOR_TOKEN_KEY", environment)
    if let tokenKey { _ = try TokenSigner(tokenKey) }
    if let text = try arguments.option("--trusted-proxies") ?? environment["ORCHESTRATOR_TRUSTED_PROXIES"] {
      trustedProxies = try TrustedProxies(text)
    }
    if let text = try arguments.option("--allowed-origins") ?? environment["ORCHESTRATOR_ALLOWED_ORIGINS"], !text.isEmpty {
      crossOrigin = try CrossOrigin(text)
    }
    if let text = try arguments.option("--queues") ?? environment["ORCHESTRATOR_QUEUES"] { taskQueues = try Self.queues(text) }
    cachedRuns = try arguments.number("--cached-runs", in: 1...10_000_000) ?? cachedRuns
    if let milliseconds = try arguments.number("--lease-milliseconds", in: 500...600_000) { lease = .milliseconds(milliseconds) }
    retention = try Self.retention(environment)
    if let hours = try arguments.number("--retention-hours", in: Self.retentionHours) { retention = .hours(hours) }
    uploadBytes = try arguments.number("--max-upload-bytes", in: 1...(100 << 30)) ?? uploadBytes
    traceFile = try arguments.option("--trace-file") ?? environment["ORCHESTRATOR_TRACE_FILE"]
    codec = try Self.codec(&arguments, environment)
    try Self.setLogLevel(try arguments.option("--log-level") ?? environment["LOG_LEVEL"])
    if lyricsURL != nil, lyricsKey == nil { throw UsageError("a lyrics URL needs its key in the environment variable GEMINI_API_KEY") }
  }

  /// What must not be seen comes by an environment variable, or by a file that `<name>_FILE` names.
  ///
  /// A variable that is set to nothing is how containers leave it out.
  private static func secret(_ name: String, _ environment: [String: String]) throws(UsageError) -> String? {
    let value = environment[name].flatMap { $0.isEmpty ? nil : $0 }
    guard let file = environment[name + "_FILE"], !file.isEmpty else { return value }
    guard value == nil else { throw UsageError("set \(name) or \(name)_FILE, not both") }
    guard let data = FileManager.default.contents(atPath: file), data.count <= 64 << 10, let text = String(data: data, encoding: .utf8)
    else {
      throw UsageError("\(name)_FILE names \(file), which is no readable text of at most 64 KiB")
    }
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static func tokenIssuer(
    _ arguments: inout Arguments, _ environment: [String: String]
  ) throws(UsageError) -> TokenIssuerSettings? {
    let keys = try arguments.option("--jwks") ?? environment["ORCHESTRATOR_JWKS"]
    let issuer = try arguments.option("--jwt-issuer") ?? environment["ORCHESTRATOR_JWT_ISSUER"]
    let audience = try arguments.option("--jwt-audience") ?? environment["ORCHESTRATOR_JWT_AUDIENCE"]
    let rolesClaim = try arguments.option("--jwt-roles-claim") ?? environment["ORCHESTRATOR_JWT_ROLES_CLAIM"]
    guard let keys, !keys.isEmpty else {
      if issuer ?? audience ?? rolesClaim != nil { throw UsageError("to take tokens of an issuer, name its keys too: ORCHESTRATOR_JWKS") }
      return nil
    }
    guard let issuer, let audience, !issuer.isEmpty, !audience.isEmpty else {
      throw UsageError(
        "with ORCHESTRATOR_JWKS set ORCHESTRATOR_JWT_ISSUER and ORCHESTRATOR_JWT_AUDIENCE: the iss and aud of the tokens to take")
    }
    guard issuer != OwnTokens.issuer else { throw UsageError("the issuer '\(issuer)' is this service itself") }
    if keys.contains("://"), !keys.hasPrefix("https://"), !keys.hasPrefix("http://") {
      throw UsageError("ORCHESTRATOR_JWKS is a file or an http or https URL, not '\(keys)'")
    }
    return TokenIssuerSettings(keys: keys, issuer: issuer, audience: audience, rolesClaim: rolesClaim ?? TokenClaims.rolesClaim)
  }

  /// Values are compressed and encrypted once there is a key ring.
  private static func codec(_ arguments: inout Arguments, _ environment: [String: String]) throws(UsageError) -> CodecChain? {
    let encodesFailures = arguments.flag("--encrypt-failures") || environment["ORCHESTRATOR_ENCRYPT_FAILURES"] == "1"
    guard let file = try arguments.option("--key-ring") ?? environment["ORCHESTRATOR_KEY_RING"], !file.isEmpty else {
      if encodesFailures { throw UsageError("to encrypt messages of failures, name a key ring too") }
      return nil
    }
    do {
      let ring = try KeyRing(file: file)
      return CodecChain([CompressionCodec(), EncryptionCodec(ring)], encodesFailureMessages: encodesFailures)
    } catch {
      throw UsageError("\(error)")
    }
  }

  /// Up to a hundred years; less than an hour would overtake what looks at ended runs every minute.
  private static let retentionHours = 1...876_000

  private static func retention(_ environment: [String: String]) throws(UsageError) -> Duration? {
    guard let text = environment["ORCHESTRATOR_RETENTION_HOURS"], !text.isEmpty else { return nil }
    guard let hours = Int(text), retentionHours.contains(hours) else {
      throw UsageError("ORCHESTRATOR_RETENTION_HOURS is a whole number from 1 to \(retentionHours.upperBound), not '\(text)'")
    }
    return .hours(hours)
  }

  /// `name=count,name=count`; `none` for no queue.
  private static func queues(_ text: String) throws(UsageError) -> [String: Int] {
    var queues: [String: Int] = [:]
    for part in text.split(separator: ",") where text != "none" {
      let words = part.split(separator: "=")
      guard words.count == 2, let count = Int(words[1]), (1...100_000).contains(count) else {
        throw UsageError("queues are written name=count,name=count, for example media=2,catalog=16")
      }
      queues[String(words[0])] = count
    }
    return queues
  }

  private static func setLogLevel(_ text: String?) throws(UsageError) {
    switch text {
    case nil, "info": Log.setLevel(.info)
    case "debug": Log.setLevel(.debug)
    case "warning": Log.setLevel(.warning)
    case "error": Log.setLevel(.error)
    case let text?: throw UsageError("the log level is debug, info, warning or error, not '\(text)'")
    }
  }

  /// What histories record of the program that wrote them: job order is a property of the Swift runtime.
  static let build = "orchestratord 0.1.0, Swift \(swiftVersion)"

  #if compiler(>=6.3)
    private static let swiftVersion = "6.3"
  #else
    private static let swiftVersion = "6.2"
  #endif
}

/// The database that a command works on.
enum ConfiguredDatabase {
  /// A server somewhere, or the embedded one, which is started when it does not run.
  /// - Throws: `DatabaseError`.
  static func open(_ configuration: Configuration) throws -> (ConnectionConfiguration, EmbeddedPostgreSQL?) {
    if let url = configuration.databaseURL { return (ConnectionConfiguration(url), nil) }
    let cluster = EmbeddedPostgreSQL(folder: absolute(configuration.dataFolder) + "/postgres")
    return (try cluster.start(), cluster)
  }

  /// As `open`, for commands beside a running `dev`: nothing is started.
  /// - Throws: `UsageError` when no embedded server runs.
  static func connectOnly(_ configuration: Configuration) throws -> ConnectionConfiguration {
    if let url = configuration.databaseURL { return ConnectionConfiguration(url) }
    let folder = absolute(configuration.dataFolder) + "/postgres"
    let cluster = EmbeddedPostgreSQL(folder: folder)
    guard cluster.processIdentifier != nil else {
      throw UsageError("no embedded PostgreSQL runs in \(folder): start `orchestratord dev`, or set DATABASE_URL")
    }
    return try cluster.start()
  }

  static func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
  }
}
