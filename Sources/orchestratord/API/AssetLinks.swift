import Workflows

/// The URLs under which one file of an asset is read without an access token, for a while: the one place where they are made and taken.
struct AssetLinks: Sendable {
  /// Longer than a slow line needs to begin with a file; one that began goes on after it.
  static let lifetime = Duration.minutes(15)

  let tokens: OwnTokens

  /// - Returns: the path on this server with its token, and when it ends in seconds since the Unix epoch.
  func url(
    of file: String, version: Int32, of asset: AssetID, for user: String, lifetime: Duration = Self.lifetime
  ) throws -> (url: String, expiresAt: Double) {
    let path = Self.path(file, version, asset)
    let (token, expiresAt) = try tokens.file(path, of: user, seconds: (lifetime / .seconds(1)).rounded(.down))
    return ("\(path)?token=\(token)", expiresAt)
  }

  /// - Throws: `APIProblem` 401 for a token that is not of this file, or has ended.
  func require(_ token: String?, file: String, version: Int32, of asset: AssetID) async throws {
    guard let token else { throw Authentication.refusal("Ask for a URL of this file by .../download.", isTokenWrong: false) }
    do {
      _ = try await tokens.user(ofFile: token, at: Self.path(file, version, asset))
    } catch let error as TokenError {
      throw Authentication.refusal("The token of this URL is not taken: \(error).")
    }
  }

  private static func path(_ file: String, _ version: Int32, _ asset: AssetID) -> String {
    "/api/v1/assets/\(asset)/files/\(version)/\(file)"
  }
}
