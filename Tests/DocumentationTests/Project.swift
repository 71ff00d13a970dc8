import Foundation
import Testing

/// The repository that these tests were built from, and the programs built beside them.
enum Project {
  static let top = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// Where the programs are: beside this test's own executable.
  static let programs: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    return URL(fileURLWithPath: own).deletingLastPathComponent().path
  }()

  static func text(_ path: String) throws -> String {
    try String(contentsOfFile: "\(top)/\(path)", encoding: .utf8)
  }

  /// Paths of the files in a folder and below, relative to the top, in order.
  static func files(in folder: String, ending suffix: String) -> [String] {
    let found = FileManager.default.enumerator(atPath: "\(top)/\(folder)")?.compactMap { $0 as? String } ?? []
    return found.filter { $0.hasSuffix(suffix) }.map { "\(folder)/\($0)" }.sorted()
  }

  /// What people read: README.md, CONTRIBUTING.md and everything in docs.
  static let documents = ["README.md", "CONTRIBUTING.md", "Clients/python/README.md"] + files(in: "docs", ending: ".md")
}

/// A fenced block of a document.
struct CodeBlock {
  let language: String
  let text: String
  /// The line above its fence, where a comment may say what it is for.
  let remark: String

  static func all(in text: String) -> [CodeBlock] {
    var blocks: [CodeBlock] = []
    var open: (language: String, remark: String, lines: [Substring])?
    var previous = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") {
        if let block = open {
          blocks.append(CodeBlock(language: block.language, text: block.lines.joined(separator: "\n") + "\n", remark: block.remark))
          open = nil
        } else {
          open = (String(line.dropFirst(3)), previous, [])
        }
      } else {
        open?.lines.append(line)
      }
      if !line.isEmpty { previous = String(line) }
    }
    return blocks
  }
}
