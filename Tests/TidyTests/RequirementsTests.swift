import Testing

/// The matrix of requirements may claim only what the tree shows.
@Suite struct RequirementsTests {
  /// How many requirements each of the five systems has; together 202.
  private static let counts = ["S0": 53, "S1": 24, "S2": 34, "S3": 48, "S4": 43]

  private struct Row {
    let line: Int
    let id: String
    let status: String
    let place: String
    let test: String
  }

  @Test("The matrix lists all 202 requirements, each exactly once and in order")
  func complete() throws {
    let expected = Self.counts.sorted { $0.key < $1.key }.flatMap { system, count in (1...count).map { "\(system)-\($0)" } }
    let listed = Self.rows(of: try Repository.file("docs/requirements.md")).map(\.id)
    #expect(expected.count == 202)
    #expect(listed == expected)
  }

  @Test("A requirement that is called met names files that exist and tests or make targets that show it")
  func proven() throws {
    let evidence = try Self.evidence()
    report(Self.unproven(in: try Repository.file("docs/requirements.md"), exists: Repository.exists, shows: evidence))
  }

  @Test("A claim without evidence is found")
  func ruleCanFail() {
    let text = """
      | id | requirement | status | place | test |
      | --- | --- | --- | --- | --- |
      | S0-1 | a | open | | |
      | S0-2 | a | met | `Sources/A.swift` | `It works` |
      | S0-3 | a | met | `Sources/Gone.swift` | `It works` |
      | S0-4 | a | met | `Sources/A.swift` | `Nobody wrote this` |
      | S0-5 | a | met | | |
      | S0-6 | a | done | | |
      | S0-7 | a | met | `Sources/A.swift`, `Sources/Gone.swift` | `make demo` |
      """
    let findings = Self.unproven(
      in: SourceFile(path: "docs/requirements.md", text: text), exists: { $0 == "Sources/A.swift" }, shows: ["It works", "make demo"])
    #expect(findings.map(\.line) == [5, 6, 7, 7, 8, 9])
  }

  @Test("Names of tests are found in both ways of writing them")
  func testNames() {
    let file = SourceFile(
      path: "Tests/A/A.swift",
      text: "@Test(\"It works\") func a() {}\n@Test func `it works too`() {}\n@Test(\n  \"It wraps\", .serialized)\n")
    #expect(Self.testNames(in: file) == ["It works", "a", "it works too", "It wraps"])
  }

  private static func rows(of file: SourceFile) -> [Row] {
    file.lines.enumerated().compactMap { index, line in
      let cells = line.replacing("\\|", with: "\u{1}").split(separator: "|", omittingEmptySubsequences: false)
        .map { $0.trimmed.replacing("\u{1}", with: "|") }
      guard cells.count == 7, cells[1].contains(/^S\d-\d+$/) else { return nil }
      return Row(line: index + 1, id: cells[1], status: cells[3], place: cells[4], test: cells[5])
    }
  }

  private static func unproven(in file: SourceFile, exists: (String) -> Bool, shows evidence: Set<String>) -> [Finding] {
    rows(of: file).flatMap { row -> [Finding] in
      guard row.status == "met" else {
        return row.status == "open" ? [] : [file.finding(line: row.line, "\(row.id): the status is 'open' or 'met', not '\(row.status)'")]
      }
      let places = quoted(row.place)
      let tests = quoted(row.test)
      var findings = places.filter { !exists($0) }.map { file.finding(line: row.line, "\(row.id): \($0) does not exist") }
      findings += tests.filter { !evidence.contains($0) }.map { file.finding(line: row.line, "\(row.id): no test is named '\($0)'") }
      if places.isEmpty { findings.append(file.finding(line: row.line, "\(row.id): name its file, in backticks")) }
      if tests.isEmpty { findings.append(file.finding(line: row.line, "\(row.id): name the test that shows it, in backticks")) }
      return findings
    }
  }

  static func quoted(_ cell: String) -> [String] {
    cell.matches(of: /`([^`]+)`/).map { String($0.1) }
  }

  static func evidence() throws -> Set<String> {
    let targets = try Repository.file("Makefile").lines.compactMap { $0.firstMatch(of: /^([a-z-]+):/).map { "make \($0.1)" } }
    return Set(Repository.swiftFiles.filter(\.isTest).flatMap(testNames) + targets)
  }

  /// The sentences and the function names of all tests in a file.
  private static func testNames(in file: SourceFile) -> [String] {
    let text = file.lines.joined(separator: "\n")
    return text.matches(of: /@Test\s*(?:\(\s*"((?:[^"\\]|\\.)+)")?|\bfunc\s+(?:`([^`]+)`|(\w+))\s*\(/).compactMap {
      ($0.1 ?? $0.2 ?? $0.3).map(String.init)
    }
  }
}

extension Substring {
  fileprivate var trimmed: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
