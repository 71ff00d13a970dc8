import Activities
import Foundation
import HTTP
import Orchestrator
import Workflows

/// The settings of a process, as `Settings` reads them; docs/operating.md lists them.
struct Configuration: Sendable {
  /// A file with settings; nil for none.
  var configurationFile: String?
  /// Folder of the embedded database and the local object store.
  var dataFolder = ".orchestrator"
  /// Nil: the embedded PostgreSQL in the data folder.
  var databaseURL: String?
  var address = "127.0.0.1"
  var port: UInt16 = 8080
  /// Connections of clients at once, all of them and those of one address.
  var connections = 4096
  var connectionsPerAddress = 1024
  var storeFolder: String?
  var storage = StorageConfiguration()
  /// Nil: the offline stand-in answers.
  var lyricsURL: String?
  var lyricsModel = "pocketsphinx-en-us"
  var lyricsKey: String?
  /// File with external processors.
  var processorsFile: String?
  /// Made of those; nil for none.
  var processors: ProcessorSettings?
  var accessTokens: String?
  /// File or URL of the key set of an issuer, its name, who its tokens are for, and where they tell roles.
  var issuerKeys: String?
  var issuer: String?
  var audience: String?
  var rolesClaim: String?
  /// Whose JSON Web Tokens are taken, made of those; nil takes none of others.
  var tokenIssuer: TokenIssuerSettings?
  /// What tokens of accounts are signed with; nil for a secret in the database.
  var tokenKey: String?
  var trustedProxies = TrustedProxies.none
  /// Pages of which origins may call the API; nil for none.
  var crossOrigin: CrossOrigin?
  /// Task queues served in this process, with how many attempts at a time.
  var taskQueues: [String: Int] = [TaskQueues.catalog: 16, TaskQueues.media: 2, TaskQueues.lyrics: 4, TaskQueues.webhooks: 8]
  var cachedRuns = 1000
  var lease = Duration.seconds(10)
  /// How long ended runs are kept; nil for ever.
  var retention: Duration?
  var uploads = UploadLimits()
  /// The virus scanner that is asked about every upload; nil for none.
  var clamd: ClamdAddress?
  /// Where webhooks may be sent.
  var webhookAddresses = AddressPolicy.publicOnly
  /// Requests of a user in 15 minutes; 0 for no limit.
  var requestLimit = 0
  var reviewClaimMinutes = 15
  var profanity = ProfanityPolicy.flag
  /// Nil: streams need no links.
  var streamLinkMinutes: Int?
  /// Nil: no spans are made.
  var traceFile: String?
  /// File with keys for values; nil stores them as they are.
  var keyRing: String?
  var encryptsFailures = false
  /// Made of those; nil: values lie in the database as they are.
  var codec: CodecChain?
  var logLevel = Log.Level.info
  var logFormat = Log.Format.text

  static let standard = Configuration()

  /// Nobody said who may do what: the development tokens are taken.
  var isOpenDevelopment: Bool { accessTokens == nil && tokenIssuer == nil && tokenKey == nil }

  init() {}

  /// Takes the options out of the arguments, and sets level and format of the log.
  /// - Throws: `UsageError`, the first fault.
  init(_ arguments: inout Arguments, _ environment: [String: String] = ProcessInfo.processInfo.environment) throws(UsageError) {
    let reading = SettingsReading(&arguments, environment)
    if let fault = reading.faults.first { throw fault }
    self = reading.configuration
    Log.setLevel(logLevel)
    Log.setFormat(logFormat)
  }

  /// What histories record of the program that wrote them: job order is a property of the Swift runtime.
  static let build = "orchestratord 0.1.0, Swift \(swiftVersion)"

  #if compiler(>=6.3)
    private static let swiftVersion = "6.3"
  #else
    private static let swiftVersion = "6.2"
  #endif
}
