import Foundation
import Orchestrator
import Testing

@testable import orchestratord

/// What documents say about the code, compared with the code.
@Suite struct DocumentTruthTests {
  @Test("A program that a document shows is the file it names, letter by letter", arguments: Project.documents)
  func snippets(_ document: String) throws {
    for block in CodeBlock.all(in: try Project.text(document)) {
      guard let path = block.remark.firstMatch(of: /<!-- file: (\S+) -->/)?.1 else { continue }
      #expect(block.text == (try Project.text(String(path))), "\(document) shows another text than \(path) has")
    }
  }

  @Test("A part of a program that a document shows stands in the file it names", arguments: Project.documents)
  func parts(_ document: String) throws {
    for block in CodeBlock.all(in: try Project.text(document)) {
      guard let path = block.remark.firstMatch(of: /<!-- part: (\S+) -->/)?.1 else { continue }
      #expect(try Project.text(String(path)).contains(block.text), "\(document) shows what is not in \(path)")
    }
  }

  @Test("Every Swift and SQL file that a document names exists", arguments: Project.documents)
  func fileNames(_ document: String) throws {
    let known = Set(
      ["Sources", "Tests", "Examples"].flatMap { Project.files(in: $0, ending: ".swift") }.map(Self.name)
        + Project.files(in: "Migrations", ending: ".sql").map(Self.name) + ["Package.swift"])
    for match in try Project.text(document).matches(of: /[A-Za-z0-9_+.\/]+\.(?:swift|sql)\b/) {
      let name = Self.name(String(match.output))
      // `...Statements.swift` is a rule for names and no name.
      guard !name.hasPrefix("...") else { continue }
      let isKnown = known.contains(name)
      #expect(isKnown, "\(document) names \(match.output), which does not exist")
    }
  }

  @Test("Every function that the architecture names as `Type.function` is in a file of the type")
  func functions() throws {
    // Each file is searched once for all names.
    let sources = try Project.files(in: "Sources", ending: ".swift").map { path in
      let text = try Project.text(path)
      return (
        types: Set(text.matches(of: /(?:struct|class|actor|enum|protocol|extension) (\w+)/).map(\.1)),
        members: Set(text.matches(of: /(?:func|let|var|case) `?(\w+)/).map(\.1))
      )
    }
    for match in try Project.text("docs/architecture.md").matches(of: /`([A-Z]\w+)\.([a-z]\w*)(?:\([^)`]*\))?`/) {
      // `Name.swift` is a file and was looked for above.
      guard match.2 != "swift" else { continue }
      let found = sources.contains { $0.types.contains(match.1) && $0.members.contains(match.2) }
      #expect(found, "docs/architecture.md names \(match.1).\(match.2), which does not exist")
    }
  }

  @Test("The table of settings is the one that the program reads them by")
  func settings() throws {
    let section = Self.section("All settings", of: try Project.text("docs/operating.md"))
    let table = section.split(separator: "\n").filter { $0.hasPrefix("|") }.joined(separator: "\n") + "\n"
    #expect(table == Settings.markdown, "put what `orchestratord config list` writes into docs/operating.md")
  }

  @Test("No two settings have a name in common")
  func settingNames() {
    let names = Settings.all.flatMap { [$0.option, $0.variable, $0.fileVariable].compactMap { $0 } }
    #expect(Set(names).count == names.count)
  }

  @Test("Every limit of the engine is in the table of limits, with its value")
  func limits() throws {
    let code = try Project.text("Sources/Orchestrator/Model/Limits.swift")
    let document = try Project.text("docs/limits.md")
    for match in code.matches(of: /static let (\w+)[^=\n]*= ([^\n]+)/) {
      let row = document.split(separator: "\n").first { $0.hasPrefix("| `\(match.1)` |") }
      #expect(row?.contains("| `\(match.2)` |") == true, "docs/limits.md: `\(match.1)` is `\(match.2)`")
    }
  }

  @Test("The tables of requests have exactly what the contract has, for the same roles")
  func routes() throws {
    let operations = ContractDocument.embedded.operations.filter { $0.method != .options && !$0.path.hasSuffix(".css") }
    let ofOperators: Set = ["Workflows", "Activities", "Schedules"]
    let own = operations.filter { !ofOperators.contains($0.tag) && $0.tag != "Workers" }
    #expect(Set(own.map(Self.row)).symmetricDifference(try Self.rows(of: "docs/api.md", under: "")) == [])
    let theirs = operations.filter { ofOperators.contains($0.tag) }.map { "\($0.method.rawValue) \($0.path)" }
    #expect(Set(theirs).symmetricDifference(try Self.rows(of: "docs/operator-api.md", under: "/api/v1")) == [])
  }

  /// `GET /api/v1/accounts: admin`
  private static func row(_ operation: ContractDocument.Operation) -> String {
    let roles =
      switch operation.audience {
      case .nobody: "nobody"
      case .any: "any"
      case .roles(let roles): roles.map(\.rawValue).sorted().joined(separator: ", ")
      }
    return "\(operation.method.rawValue) \(operation.path): \(roles)"
  }

  /// The requests of a document's tables, with their roles where there is a column of roles.
  private static func rows(of document: String, under prefix: String) throws -> Set<String> {
    var rows: Set<String> = []
    for line in try Project.text(document).split(separator: "\n") where line.hasPrefix("| `") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      var last = ""
      for match in cells[0].matches(of: /`(?:([A-Z]+) (\/[^`? ]+)|\.\.\.(\/[^`? ]+))/) {
        // `.../unblock` stands for the path before it with another end.
        if let method = match.1, let path = match.2 { last = "\(method) \(prefix)\(path)" }
        if let end = match.3 { last = "\(last[..<(last.lastIndex(of: "/") ?? last.endIndex)])\(end)" }
        guard !last.hasPrefix("OPTIONS ") else { continue }
        last = last.replacing("...}", with: "}")
        let roles = cells[1].components(separatedBy: ", ").sorted().joined(separator: ", ")
        rows.insert(prefix.isEmpty ? "\(last): \(roles)" : last)
      }
    }
    return rows
  }

  @Test("Every command of the binary is explained to operators")
  func commands() throws {
    let document = try Project.text("docs/operating.md")
    for match in try Project.text("Sources/orchestratord/Main.swift").matches(of: /case "(\w+)":/) where match.1 != "version" {
      let isExplained = document.contains("`orchestratord \(match.1)`") || document.contains("`\(match.1)`")
      #expect(isExplained, "docs/operating.md does not explain `orchestratord \(match.1)`")
    }
  }

  @Test("Every table of the database is in the architecture's table of tables")
  func tables() throws {
    let document = try Project.text("docs/architecture.md")
    for path in Project.files(in: "Migrations", ending: ".sql") {
      for match in try Project.text(path).matches(of: /create table ((?:orchestrator|music|access|events)\.\w+)/) {
        #expect(document.contains("`\(match.1)`"), "docs/architecture.md does not explain \(match.1)")
      }
    }
  }

  private static func name(_ path: String) -> String { String(path.split(separator: "/").last ?? "") }

  /// The text below a heading, up to the next one of any level.
  private static func section(_ heading: String, of text: String) -> String {
    guard let start = text.firstRange(of: "## \(heading)\n") else { return "" }
    let rest = text[start.upperBound...]
    return String(rest[..<(rest.firstRange(of: "\n## ")?.lowerBound ?? rest.endIndex)])
  }
}
