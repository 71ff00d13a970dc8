import Cryptography
import Foundation

/// One numbered step of the schema, applied once and never changed afterwards.
public struct Migration: Sendable, Equatable {
  public let number: Int
  public let name: String
  public let sql: String

  public init(number: Int, name: String, sql: String) {
    self.number = number
    self.name = name
    self.sql = sql
  }

  /// SHA-256 of the SQL in hexadecimal.
  public var checksum: String {
    Digest.sha256(Array(sql.utf8)).map { byte in
      let digits = String(byte, radix: 16)
      return byte < 16 ? "0\(digits)" : digits
    }.joined()
  }

  /// Reads a folder of files named like `0001_history.sql`, in the order of their numbers.
  public static func load(from folder: String) throws -> [Migration] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".sql") }
    } catch {
      throw DatabaseError(.migrationRefused, "the migrations folder \(folder) cannot be read: \(error.localizedDescription)")
    }
    return try names.sorted().map { fileName in
      guard let match = fileName.wholeMatch(of: /([0-9]{4})_([a-z0-9_]+)\.sql/), let number = Int(match.1) else {
        throw DatabaseError(.migrationRefused, "\(folder)/\(fileName) is not named like 0001_history.sql")
      }
      guard let data = FileManager.default.contents(atPath: "\(folder)/\(fileName)"), let sql = String(data: data, encoding: .utf8) else {
        throw DatabaseError(.migrationRefused, "\(folder)/\(fileName) cannot be read as UTF-8")
      }
      return Migration(number: number, name: String(match.2), sql: sql)
    }
  }
}

/// Which migrations a database still needs. Pure.
struct MigrationPlan {
  struct Applied: Equatable {
    let number: Int
    let name: String
    let checksum: String
  }

  let pending: [Migration]

  /// Refuses anything but "the applied migrations are the first ones of the program, unchanged".
  init(_ migrations: [Migration], applied: [Applied]) throws {
    for (earlier, later) in zip(migrations, migrations.dropFirst()) where earlier.number >= later.number {
      throw Self.refused("migration \(later.number) \(later.name) comes after \(earlier.number) \(earlier.name); numbers must rise")
    }
    let known = Dictionary(uniqueKeysWithValues: migrations.map { ($0.number, $0) })
    let newestKnown = migrations.last?.number ?? 0
    for row in applied {
      guard let migration = known[row.number] else {
        throw row.number > newestKnown
          ? Self.refused("the database has migration \(row.number) \(row.name) and is newer than this program; run a newer program")
          : Self.refused("the database has migration \(row.number) \(row.name), which this program does not know")
      }
      guard migration.checksum == row.checksum else {
        throw Self.refused(
          "migration \(row.number) \(row.name) was changed after it was applied; restore the file and add a new migration instead")
      }
    }
    let newestApplied = applied.map(\.number).max() ?? 0
    let done = Set(applied.map(\.number))
    pending = migrations.filter { !done.contains($0.number) }
    if let gap = pending.first(where: { $0.number < newestApplied }) {
      throw Self.refused(
        "migration \(gap.number) \(gap.name) is missing in the database though \(newestApplied) was applied; give it a number above that")
    }
  }

  private static func refused(_ text: String) -> DatabaseError { DatabaseError(.migrationRefused, text) }
}
