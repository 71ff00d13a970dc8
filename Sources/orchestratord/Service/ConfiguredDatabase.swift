import Foundation
import PostgreSQL

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
