/// What a user may do.
enum Role: String, Sendable, CaseIterable {
  /// Uploads tracks and sees its own.
  case artist
  /// Reviews, blocks and unblocks, sees all tracks.
  case admin
  /// Runs the service: workflows, activities, failures.
  case `operator`
  /// Runs activities: leases tasks and reports on them.
  case worker
}

/// Who asks.
struct Principal: Sendable, Equatable {
  let userID: String
  let roles: Set<Role>

  /// Whether it sees the tracks of every artist.
  var seesAllTracks: Bool { roles.contains(.admin) || roles.contains(.operator) }

  /// - Throws: `APIProblem` 403.
  func require(_ role: Role) throws {
    guard roles.contains(role) else {
      throw APIProblem(.forbidden, "role-required", "\(role.rawValue.prefix(1).uppercased() + role.rawValue.dropFirst()) role required.")
    }
  }
}
