/// Which statements one connection's server has prepared, and how to run a statement now. Pure.
///
/// | state    | use in the group that prepares | use in a later group      |
/// |----------|--------------------------------|---------------------------|
/// | unknown  | prepare, then by name          |                           |
/// | sent     | by name                        | unprepared: if the first group fails before the Parse, the name will not exist |
/// | prepared |                                | by name                   |
struct PreparedStatements {
  enum Use: Equatable {
    case prepareFirst(String)
    case byName(String)
    case unprepared
  }

  private struct Entry {
    let sql: String
    var serverName: String
    var sentInGroup: UInt64?
  }

  /// Statements prepared on one connection; each keeps a plan in the server's memory.
  static let maximum = 2_000

  private var entries: [String: Entry] = [:]
  private var generation = 0
  private var group: UInt64 = 0

  mutating func beginGroup() { group += 1 }

  mutating func use(_ statement: Statement) throws -> Use {
    guard statement.isPrepared else { return .unprepared }
    guard let entry = entries[statement.name] else {
      guard entries.count < Self.maximum else { return .unprepared }
      let serverName = generation == 0 ? statement.name : "\(statement.name)#\(generation)"
      entries[statement.name] = Entry(sql: statement.sql, serverName: serverName, sentInGroup: group)
      return .prepareFirst(serverName)
    }
    guard entry.sql == statement.sql else {
      throw DatabaseError(.invalidStatement, "two statements with different SQL are both named \(statement.name); rename one")
    }
    guard let sent = entry.sentInGroup else { return .byName(entry.serverName) }
    return sent == group ? .byName(entry.serverName) : .unprepared
  }

  mutating func confirm(serverName: String) {
    let name = Self.statementName(of: serverName)
    if entries[name]?.serverName == serverName { entries[name]?.sentInGroup = nil }
  }

  /// The Parse never happened: the next use sends it again.
  mutating func forget(serverName: String) {
    let name = Self.statementName(of: serverName)
    if entries[name]?.serverName == serverName { entries[name] = nil }
  }

  /// The server's plan became useless: the next use prepares it under a name of its own.
  mutating func renew(_ statement: String) {
    generation += 1
    entries[statement] = nil
  }

  private static func statementName(of serverName: String) -> String {
    serverName.split(separator: "#", maxSplits: 1).first.map(String.init) ?? serverName
  }
}
