import Foundation
import Testing

/// What the documents promise about themselves: links lead somewhere, tables are tables.
@Suite struct DocumentTests {
  private static var documents: [SourceFile] { Repository.files.filter { $0.path.hasSuffix(".md") } }

  @Test("Every link in a document leads to a file, and to a heading of it where it names one")
  func links() {
    report(Self.documents.flatMap { Self.brokenLinks(in: $0, file: Repository.document) })
  }

  @Test("Every table has as many columns in each row as in its head")
  func tables() {
    report(Self.documents.flatMap(Self.raggedTables))
  }

  @Test("The changelog has a section for what is not released yet, and it is the first")
  func changelog() throws {
    let file = try Repository.file("CHANGELOG.md")
    #expect(file.lines.first { $0.hasPrefix("## ") } == "## [Unreleased]")
  }

  @Test("No file holds the marks of a merge that nobody finished")
  func mergeMarks() {
    report(
      Repository.files.flatMap { file in
        file.lines.enumerated().filter { $0.element.hasPrefix("<<<<<<< ") || $0.element.hasPrefix(">>>>>>> ") }
          .map { file.finding(line: $0.offset + 1, "a merge was not finished here") }
      })
  }

  @Test("Broken links and ragged tables are found")
  func rulesCanFail() {
    let text = """
      # Top
      [good](other.md) [gone](gone.md) [web](https://example.org/x) [self](#top) [nowhere](#bottom)
      ```
      [in code](gone.md)
      ```
      | a | b |
      | --- | --- |
      | 1 | `x \\| y` |
      | 1 |
      """
    let other = SourceFile(path: "docs/other.md", text: "# A `B` c, d\n")
    let file = SourceFile(path: "docs/a.md", text: text)
    let lookUp: (String) -> SourceFile? = { ["docs/other.md": other, "docs/a.md": file][$0] }
    #expect(Self.brokenLinks(in: file, file: lookUp).map(\.line) == [2, 2])
    #expect(Self.raggedTables(in: file).map(\.line) == [9])
    let deep = SourceFile(path: "docs/errors/b.md", text: "[up](../other.md#a-b-c-d) [wrong](../other.md#a-b)\n")
    #expect(Self.brokenLinks(in: deep, file: lookUp).count == 1)
  }

  private static func brokenLinks(in document: SourceFile, file: (String) -> SourceFile?) -> [Finding] {
    prose(of: document).flatMap { line, text in
      text.matches(of: /\]\(([^)\s]+)\)/).compactMap { match -> Finding? in
        let target = match.1
        guard !target.contains("://"), !target.hasPrefix("mailto:") else { return nil }
        let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0].isEmpty ? document.path : resolve(String(parts[0]), from: document.path)
        guard let found = file(path) else { return document.finding(line: line, "link to \(target): \(path) does not exist") }
        guard parts.count == 2, found.path.hasSuffix(".md"), !anchors(of: found).contains(String(parts[1])) else { return nil }
        return document.finding(line: line, "link to \(target): \(path) has no heading '\(parts[1])'")
      }
    }
  }

  private static func raggedTables(in document: SourceFile) -> [Finding] {
    var columns: Int?
    return prose(of: document).compactMap { line, text in
      guard text.hasPrefix("|") else {
        columns = nil
        return nil
      }
      let count = text.replacing("\\|", with: "").count { $0 == "|" } - 1
      defer { columns = columns ?? count }
      guard let expected = columns, expected != count else { return nil }
      return document.finding(line: line, "\(count) columns where the head of the table has \(expected)")
    }
  }

  /// The lines outside of code blocks, counted from 1.
  private static func prose(of document: SourceFile) -> [(line: Int, text: String)] {
    var inCode = false
    return document.lines.enumerated().compactMap { index, text in
      if text.drop(while: { $0 == " " }).hasPrefix("```") {
        inCode.toggle()
        return nil
      }
      return inCode ? nil : (index + 1, text)
    }
  }

  /// The names that a web view of the document gives to its headings.
  private static func anchors(of document: SourceFile) -> Set<String> {
    Set(
      prose(of: document).filter { $0.text.hasPrefix("#") }.map { heading in
        heading.text.drop { $0 == "#" || $0 == " " }.lowercased()
          .filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_" }
          .replacing(" ", with: "-")
      })
  }

  private static func resolve(_ target: String, from path: String) -> String {
    var parts = path.split(separator: "/").dropLast()
    for part in target.split(separator: "/") {
      switch part {
      case ".": continue
      case "..": parts = parts.dropLast()
      default: parts.append(part)
      }
    }
    return parts.joined(separator: "/")
  }
}

extension Repository {
  /// A file or folder that a document may link to; folders and what is not text have no lines.
  static func document(_ path: String) -> SourceFile? {
    files.first { $0.path == path } ?? (exists(path) ? SourceFile(path: path, text: "") : nil)
  }
}
