import Testing

/// SQL has one place in each module, so that whoever changes a table finds every statement on it.
@Suite struct SQLPlacementTests {
  @Test("SQL stands only in files named ...Statements.swift")
  func placement() {
    report(Repository.swiftFiles.flatMap(Self.misplacedStatements))
  }

  @Test("Keywords of SQL in Swift are lower-case")
  func lowerCase() {
    report(Repository.swiftFiles.filter { $0.path.hasPrefix("Sources/") }.flatMap(Self.shoutedStatements))
  }

  @Test(
    "A statement anywhere else is found",
    arguments: [
      "select run_id from runs", "  SELECT 1", "insert into runs values (1)", "update runs set a = 1", "delete from runs",
      "with a as (select 1) delete from runs",
    ])
  func ruleCanFail(statement: String) {
    let text = "let a = 1\nlet sql = \"\"\"\n  \(statement)\n  \"\"\"\n"
    #expect(Self.misplacedStatements(SourceFile(path: "Sources/A/Client.swift", text: text)).map(\.line) == [2])
    #expect(Self.misplacedStatements(SourceFile(path: "Sources/A/RunStatements.swift", text: text)).isEmpty)
    #expect(Self.misplacedStatements(SourceFile(path: "Sources/A/Client.swift", text: "// \(statement)\n")).isEmpty)
  }

  @Test("Words that only sound like SQL are none", arguments: ["Please select a track.", "update the setting", "deleted from disk"])
  func notSQL(text: String) {
    #expect(Self.misplacedStatements(SourceFile(path: "Sources/A/A.swift", text: "let a = \"\(text)\"\n")).isEmpty)
  }

  @Test("Upper-case keywords are found")
  func shoutingIsFound() {
    let file = SourceFile(path: "Sources/A/RunStatements.swift", text: "let a = \"SELECT 1\"\n")
    #expect(Self.shoutedStatements(file).map(\.line) == [1])
  }

  private static func misplacedStatements(_ file: SourceFile) -> [Finding] {
    guard !mayHoldSQL(file) else { return [] }
    return statements(in: file).map {
      file.finding(line: $0.line, "SQL outside of its place: move the statement to a file named ...Statements.swift")
    }
  }

  private static func shoutedStatements(_ file: SourceFile) -> [Finding] {
    statements(in: file).filter { $0.text.contains(/\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|FROM|VALUES)\b/) }.map {
      file.finding(line: $0.line, "write the keywords of SQL in lower case")
    }
  }

  private static func mayHoldSQL(_ file: SourceFile) -> Bool {
    file.isTest || file.name.hasSuffix("Statements.swift") || file.name == "Migrator.swift" || file.name.hasPrefix("EmbeddedPostgreSQL")
  }

  private static func statements(in file: SourceFile) -> [SwiftText.Literal] {
    let pattern = /^\s*select\s|\bselect\s[^.]*\sfrom\s|\binsert\s+into\s|\bupdate\s+\S+\s+set\s|\bdelete\s+from\s/.ignoresCase()
    return (file.swift?.literals ?? []).filter { $0.text.contains(pattern) }
  }
}
