import Foundation

/// The server programs of one PostgreSQL version on this machine, and the user they may run as.
struct PostgresInstallation {
  static let oldestVersion = 15
  /// Debian's and Ubuntu's place: one folder per major version.
  private static let root = "/usr/lib/postgresql"
  /// PostgreSQL refuses to run as root; its packages create this user.
  private static let serverUser = "postgres"

  let binaries: String

  /// The installed version that made the cluster, or for a new cluster the newest.
  static func find(forClusterOfVersion version: String?) throws -> PostgresInstallation {
    let installed = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    let versions = installed.compactMap(Int.init).filter { $0 >= oldestVersion }.sorted(by: >)
    let folders = versions.map { (String($0), "\(root)/\($0)/bin") }
    if let version {
      if let found = folders.first(where: { $0.0 == version && isComplete($0.1) }) { return PostgresInstallation(binaries: found.1) }
    } else if let found = folders.first(where: { isComplete($0.1) }) {
      return PostgresInstallation(binaries: found.1)
    }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    if let found = path.split(separator: ":").map(String.init).first(where: isComplete) { return PostgresInstallation(binaries: found) }
    let package = version.map { "postgresql-\($0)" } ?? "postgresql"
    throw DatabaseError(
      .clusterFailed,
      "PostgreSQL \(version ?? "\(oldestVersion) or newer") is not installed here; run: apt-get install \(package), "
        + "or name an existing server by its connection string")
  }

  /// The arguments that run a server program; root hands over to the unprivileged user first.
  func command(_ program: String, _ arguments: [String]) throws -> [String] {
    let own = ["\(binaries)/\(program)"] + arguments
    guard let owner = try Self.owner() else { return own }
    let places: [String] = ["/usr/bin/setpriv", "/bin/setpriv"]
    guard let setpriv = places.first(where: { access($0, X_OK) == 0 }) else {
      throw DatabaseError(
        .clusterFailed, "setpriv is missing, which runs PostgreSQL without root's rights; run: apt-get install util-linux")
    }
    return [setpriv, "--reuid=\(owner.user)", "--regid=\(owner.group)", "--init-groups", "--"] + own
  }

  /// Who must own the cluster's folders; nil when the calling user runs the server.
  static func owner() throws -> (user: uid_t, group: gid_t)? {
    guard geteuid() == 0 else { return nil }
    guard let entry = getpwnam(serverUser) else {
      throw DatabaseError(
        .clusterFailed, "PostgreSQL must not run as root and there is no user \(serverUser); run: apt-get install postgresql")
    }
    return (entry.pointee.pw_uid, entry.pointee.pw_gid)
  }

  private static func isComplete(_ folder: String) -> Bool {
    access("\(folder)/initdb", X_OK) == 0 && access("\(folder)/postgres", X_OK) == 0
  }
}
