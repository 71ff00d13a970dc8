import Foundation
import Testing

/// One place where a rule is broken, and what to do about it.
struct Finding: Hashable, CustomStringConvertible {
  let path: String
  /// Counted from 1; 0 speaks of the file as a whole.
  let line: Int
  let advice: String

  var description: String { line == 0 ? "\(path): \(advice)" : "\(path):\(line): \(advice)" }
}

/// Reports every finding as an issue of its own, so that one run shows all there is to mend.
func report(_ findings: [Finding], sourceLocation: SourceLocation = #_sourceLocation) {
  for finding in findings {
    Issue.record("\(finding)", sourceLocation: sourceLocation)
  }
}

/// A text file of the repository, or a sample made up by a test of a rule.
struct SourceFile: Sendable {
  /// Relative to the top of the repository, with `/` between its parts.
  let path: String
  let lines: [String]
  /// The same lines as the Swift compiler sees them; nil for any other language.
  let swift: SwiftText?

  init(path: String, text: String) {
    self.path = path
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    swift = path.hasSuffix(".swift") ? SwiftText(text) : nil
  }

  var name: String { String(path.split(separator: "/").last ?? "") }
  var isSource: Bool { path.hasPrefix("Sources/") }
  var isTest: Bool { path.hasPrefix("Tests/") }

  /// `Sources/HTTP/Router.swift` -> `HTTP`; nil outside of the two folders of modules.
  var module: String? {
    let parts = path.split(separator: "/")
    return parts.count > 2 && (isSource || isTest) ? String(parts[1]) : nil
  }

  func finding(line: Int = 0, _ advice: String) -> Finding {
    Finding(path: path, line: line, advice: advice)
  }
}

/// The repository that these tests were built from.
enum Repository {
  static let top = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Every text file that people write, in the order of paths; what tools make and fetch starts with a dot and is left out.
  static let files: [SourceFile] = paths.compactMap { path in
    guard isText(path), let text = try? String(contentsOf: top.appending(path: path), encoding: .utf8) else { return nil }
    return SourceFile(path: path, text: text)
  }

  static var swiftFiles: [SourceFile] { files.filter { $0.swift != nil } }

  static func file(_ path: String) throws -> SourceFile {
    try #require(files.first { $0.path == path }, "\(path) is missing or is not text")
  }

  static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: top.appending(path: path).path)
  }

  private static var paths: [String] {
    let enumerator = FileManager.default.enumerator(atPath: top.path)
    var found: [String] = []
    while let path = enumerator?.nextObject() as? String {
      if path.split(separator: "/").last?.hasPrefix(".") == true || path.hasSuffix("__pycache__") {
        enumerator?.skipDescendants()
      } else {
        found.append(path)
      }
    }
    return found.sorted() + [".ci/run"]
  }

  private static func isText(_ path: String) -> Bool {
    let name = path.split(separator: "/").last ?? ""
    let extensions = [".swift", ".md", ".sql", ".h", ".c", ".modulemap", ".py", ".js", ".css", ".html", ".txt", ".json", ".yml"]
    return extensions.contains { name.hasSuffix($0) } || name == "Makefile" || path.hasPrefix("scripts/") || path == ".ci/run"
  }
}
