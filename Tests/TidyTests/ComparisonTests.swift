import Testing

/// What is said to be there beside Temporal is shown by tests.
@Suite struct ComparisonTests {
  /// A feature of the table "Row by row" without a test that shows it.
  private static func unproven(in file: SourceFile, shows evidence: Set<String>) -> [Finding] {
    rows(of: file).flatMap { row -> [Finding] in
      let tests = RequirementsTests.quoted(row.tests)
      if tests.isEmpty { return [file.finding(line: row.line, "\(row.feature): name the test that shows it, in backticks")] }
      return tests.filter { !evidence.contains($0) }.map { file.finding(line: row.line, "\(row.feature): no test is named '\($0)'") }
    }
  }

  private static func rows(of file: SourceFile) -> [(line: Int, feature: String, tests: String)] {
    let head = file.lines.firstIndex { $0.hasPrefix("| feature | here | shown by |") } ?? file.lines.count
    return file.lines.enumerated().dropFirst(head + 2).compactMap { index, line in
      let cells = line.split(separator: "|", omittingEmptySubsequences: false)
      return cells.count == 5 ? (index + 1, String(cells[1]), String(cells[3])) : nil
    }
  }

  @Test("Every feature that is compared with Temporal's names tests that show it")
  func proven() throws {
    let file = try Repository.file("docs/temporal-comparison.md")
    #expect(Self.rows(of: file).count >= 50)
    report(Self.unproven(in: file, shows: try RequirementsTests.evidence()))
  }

  @Test("A feature without a test is found")
  func ruleCanFail() {
    let text = """
      | feature | here | shown by |
      | --- | --- | --- |
      | a | `a` | `It works` |
      | b | `b` | |
      | c | `c` | `It works`, `Nobody wrote this` |
      """
    let findings = Self.unproven(in: SourceFile(path: "docs/temporal-comparison.md", text: text), shows: ["It works"])
    #expect(findings.map(\.line) == [4, 5])
  }
}
