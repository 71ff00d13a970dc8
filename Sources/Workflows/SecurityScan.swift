/// What a virus scanner said about an upload.
public struct SecurityScan: Codable, Sendable, Equatable {
  public enum Verdict: String, Codable, Sendable, CaseIterable {
    case clean
    case infected
    /// Nobody looked into it, or not into all of it. Never taken for clean.
    case notScanned = "not scanned"
  }

  public var verdict: Verdict
  /// The name of what was found, or why nobody looked; for operators.
  public var detail: String?

  public init(verdict: Verdict, detail: String?) {
    self.verdict = verdict
    self.detail = detail
  }

  public static func notScanned(_ reason: String) -> SecurityScan { SecurityScan(verdict: .notScanned, detail: reason) }
}
