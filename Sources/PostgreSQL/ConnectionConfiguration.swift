import CPostgreSQL

/// Where and how to connect. The description never holds the password.
public struct ConnectionConfiguration: Sendable {
  /// A connection string or URL of libpq, for example `postgresql://user@host/database`; it wins over the defaults below.
  public var connectionString: String
  public var applicationName: String
  /// Server settings of each session, for example `["jit": "off"]`; sent at connect time through `options`.
  public var settings: [String: String]
  /// The longest wait for each host of the connection string; whole seconds, at least 2 (libpq's minimum). Default 5 s.
  public var connectTimeout: Duration
  /// Refuse a standby or a read-only server. Default true.
  public var requiresReadWrite: Bool

  public init(
    _ connectionString: String, applicationName: String = "orchestrator", settings: [String: String] = [:],
    connectTimeout: Duration = .seconds(5), requiresReadWrite: Bool = true
  ) {
    self.connectionString = connectionString
    self.applicationName = applicationName
    self.settings = settings
    self.connectTimeout = connectTimeout
    self.requiresReadWrite = requiresReadWrite
  }

  /// The same server and credentials with another database.
  public func with(database: String) throws -> ConnectionConfiguration {
    var given = try parsed()
    given["dbname"] = database
    var copy = self
    copy.connectionString = given.sorted { $0.key < $1.key }.map { "\($0.key)='\(Self.quoted($0.value))'" }.joined(separator: " ")
    return copy
  }

  /// Keywords of libpq with their values: the defaults, then what the connection string says.
  ///
  /// The keepalive defaults notice a dead peer within 30 s: a half-open connection must not hold work for hours.
  func keywords() throws -> [String: String] {
    let given = try parsed()
    var all = [
      "application_name": applicationName, "connect_timeout": String(max(2, connectTimeout.components.seconds)),
      "keepalives": "1", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "4",
      "tcp_user_timeout": "30000", "target_session_attrs": requiresReadWrite ? "read-write" : "any",
    ]
    all.merge(given) { $1 }
    // Texts are Swift's: nothing but UTF-8 may travel, whatever the environment or the string says.
    all["client_encoding"] = "UTF8"
    all["options"] = try options(given: given["options"])
    return all
  }

  private func options(given: String?) throws -> String {
    var parts = given.map { [$0] } ?? []
    for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
      guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }) else {
        throw DatabaseError(.invalidConfiguration, "the session setting \(name) has not the name of a PostgreSQL setting")
      }
      let escaped = value.replacing("\\", with: "\\\\").replacing(" ", with: "\\ ")
      parts.append("-c \(name)=\(escaped)")
    }
    return parts.joined(separator: " ")
  }

  /// libpq's own message about a bad string quotes the string, password and all: it is not passed on.
  private func parsed() throws -> [String: String] {
    var message: UnsafeMutablePointer<CChar>?
    guard let options = PQconninfoParse(connectionString, &message) else {
      if let message { PQfreemem(message) }
      throw DatabaseError(
        .invalidConfiguration, "the database connection string cannot be read; write it as postgresql://user@host:port/database")
    }
    defer { PQconninfoFree(options) }
    var given: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { given[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
    return given
  }

  private static func quoted(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
  }
}

extension ConnectionConfiguration: CustomStringConvertible, CustomReflectable {
  public var description: String {
    guard let given = try? parsed() else { return "an unreadable connection string" }
    let shown = ["host", "port", "dbname", "user"].compactMap { key in given[key].map { "\(key)=\($0)" } }
    return shown.isEmpty ? "the default PostgreSQL server" : shown.joined(separator: " ")
  }

  /// Keeps `dump` and string reflection from showing the connection string.
  public var customMirror: Mirror { Mirror(self, children: ["server": description]) }
}
