import Foundation

/// Folders in which steps work: one for each attempt, gone when the attempt ends.
public struct ScratchFolders: Sendable {
  private let root: String

  /// Creates the folder when it is not there; only its owner may look into it.
  public init(root: String) throws {
    self.root = root
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  /// Lends an empty folder of its own to `body` and deletes it with everything in it, however `body` ends.
  public func withFolder<Value: Sendable>(_ body: (_ path: String) async throws -> Value) async throws -> Value {
    let path = root + "/" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    do {
      let value = try await body(path)
      try await remove(path)
      return value
    } catch {
      try? await remove(path)
      throw error
    }
  }

  /// Deletes what killed processes left behind. Returns how many folders went.
  ///
  /// - Parameter age: longer than any step may take, because other processes may share the root.
  public func sweep(olderThan age: Duration) async throws -> Int {
    let oldest = Date(timeIntervalSinceNow: -(age / .seconds(1)))
    return try await offPool {
      try FileManager.default.contentsOfDirectory(atPath: root).count { name in
        let path = root + "/" + name
        let changed = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
        guard let changed, changed < oldest else { return false }
        return (try? FileManager.default.removeItem(atPath: path)) != nil
      }
    }
  }

  private func remove(_ path: String) async throws { try await offPool { try FileManager.default.removeItem(atPath: path) } }
}
