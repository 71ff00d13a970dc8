import Activities
import Foundation
import HTTP
import PostgreSQL

/// What can be known of a configuration before anything starts.
enum ConfigurationChecks {
  /// A sentence for each fault, which says what to change; empty when there is none.
  static func faults(_ reading: SettingsReading, _ environment: [String: String]) -> [String] {
    let configuration = reading.configuration
    let misspelt = environment.keys.filter { isMisspelt($0) }.sorted().map { "environment: \(Settings.unknown($0))" }
    var faults = reading.faults.map(\.description) + misspelt
    for check in [isReachable, databaseIsNamed, lyricsAreNamed, issuerKeysAreReadable] {
      do { try check(configuration) } catch { faults.append("\(error)") }
    }
    for (what, folder) in [("--data", configuration.dataFolder), ("--store", configuration.storeFolder)] {
      guard let path = folder.map(ConfiguredDatabase.absolute), !canBeMade(path) else { continue }
      faults.append("\(what) is \(path), which this user cannot make or write: name another folder, or change its owner")
    }
    if let file = configuration.traceFile.map(ConfiguredDatabase.absolute), access(file, W_OK) != 0, !canBeMade(parent(of: file)) {
      faults.append("--trace-file is \(file), which this user cannot write: name another file")
    }
    return faults
  }

  /// The development tokens are known to everybody: beyond this machine real ones are needed.
  static func isReachable(_ configuration: Configuration) throws {
    let address = configuration.address
    guard IPAddress(address) != nil else { throw UsageError("--address is a numeric IP address such as 0.0.0.0, not '\(address)'") }
    guard configuration.isOpenDevelopment, !address.hasPrefix("127."), address != "::1" else { return }
    throw UsageError(
      "to listen on \(address) set ORCHESTRATOR_TOKEN_KEY, ORCHESTRATOR_JWKS or ORCHESTRATOR_TOKENS: the development tokens are public")
  }

  private static func databaseIsNamed(_ configuration: Configuration) throws {
    if let url = configuration.databaseURL { _ = try ConnectionConfiguration(url).with(database: "postgres") }
  }

  private static func lyricsAreNamed(_ configuration: Configuration) throws {
    guard let url = configuration.lyricsURL, let key = configuration.lyricsKey else { return }
    _ = try GeminiProvider.Configuration(baseURL: url, model: configuration.lyricsModel, apiKey: key)
  }

  private static func issuerKeysAreReadable(_ configuration: Configuration) throws {
    guard let keys = configuration.tokenIssuer?.keys, !keys.contains("://") else { return }
    guard let data = FileManager.default.contents(atPath: keys) else {
      throw UsageError("ORCHESTRATOR_JWKS names \(keys), which cannot be read: write a JSON Web Key Set there, or name another file")
    }
    do {
      _ = try JSONWebKeySet(json: [UInt8](data), takesSecrets: true)
    } catch {
      throw UsageError("ORCHESTRATOR_JWKS names \(keys): \(error)")
    }
  }

  /// Ours by its first word, but no setting; tests have variables of their own.
  private static func isMisspelt(_ variable: String) -> Bool {
    variable.hasPrefix("ORCHESTRATOR_") && !variable.hasPrefix("ORCHESTRATOR_TEST_") && !Settings.variables.contains(variable)
  }

  /// Whether it is a folder to write to, or the nearest folder above it that exists lets one be made.
  private static func canBeMade(_ folder: String) -> Bool {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) { return isFolder.boolValue && access(folder, W_OK) == 0 }
    return folder != "/" && canBeMade(parent(of: folder))
  }

  private static func parent(of path: String) -> String {
    let parts = path.split(separator: "/").dropLast()
    return "/" + parts.joined(separator: "/")
  }
}
