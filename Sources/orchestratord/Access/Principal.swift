import Activities
import HTTP

/// What a user may do.
enum Role: String, Sendable, CaseIterable, Codable {
  /// Listens, and is told what concerns it; may apply to become an artist.
  case listener
  /// Uploads tracks and sees its own.
  case artist
  /// Reviews, blocks and unblocks, sees all tracks.
  case admin
  /// Runs the service: workflows, activities, failures.
  case `operator`
  /// Another program: starts workflows, talks to them and sees how they stand.
  case service
  /// Runs activities: leases tasks and reports on them.
  case worker
}

/// Who asks.
struct Principal: Sendable, Equatable {
  let userID: String
  let roles: Set<Role>
  /// Of which queues it may take tasks; nil for all.
  var taskQueues: Set<String>?

  /// Whether it sees the tracks of every artist.
  var seesAllTracks: Bool { roles.contains(.admin) || roles.contains(.operator) }

  /// As whom its requests read the catalogue.
  var viewer: CatalogViewer { CatalogViewer(userID: userID, seesAllTracks: seesAllTracks) }

  /// Passes whoever has one of the roles.
  /// - Throws: `APIProblem` 403 with the challenge of RFC 6750 section 3.1.
  func require(_ permitted: [Role]) throws {
    guard roles.isDisjoint(with: permitted) else { return }
    let names = permitted.map(\.rawValue).joined(separator: " or ")
    throw APIProblem(
      .forbidden, "role-required", "\(names.prefix(1).uppercased() + names.dropFirst()) role required.",
      headers: ["WWW-Authenticate": "Bearer realm=\"orchestrator\", error=\"insufficient_scope\""])
  }

  func require(_ permitted: Role...) throws { try require(permitted) }
}
