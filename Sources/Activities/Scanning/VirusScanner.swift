import Workflows

/// Looks for malware in a file that nobody has opened yet.
public protocol VirusScanner: Sendable {
  /// - Throws: `ScanError` when the scanner could not say, which may be tried again.
  func scan(_ file: any ObjectReader) async throws -> SecurityScan
}

/// A scanner that could not be asked, or did not answer.
public struct ScanError: Error, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
