import Testing

@testable import orchestratord

/// docs/replacing.md tells teams what to call instead: all of it must be there.
@Suite struct ReplacingTests {
  private static func rows() throws -> [[String]] {
    try Project.text("docs/replacing.md").split(separator: "\n").filter {
      $0.hasPrefix("| ") && !$0.hasPrefix("| ---") && !$0.hasPrefix("| theirs")
    }
    .map { $0.split(separator: "|", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) } }
  }

  @Test func `Every call that takes the place of one of the five systems is in the contract`() throws {
    let known = Set(ContractDocument.embedded.operations.map { "\($0.method.rawValue) \($0.path)" })
    var named = 0
    for row in try Self.rows() {
      for match in row[2].matches(of: /`([A-Z]+ \/[^`?]+)/) {
        named += 1
        #expect(known.contains(String(match.1)), "docs/replacing.md names \(match.1) in place of \(row[1])")
      }
    }
    #expect(named > 50)
  }

  @Test func `Each of the five systems has a table, and says how to move`() throws {
    let sections = try Project.text("docs/replacing.md").split(separator: "\n## ").dropFirst()
    #expect(sections.count == 5)
    for section in sections { #expect(section.contains("| theirs | ours |") && section.contains("\nTo move: ")) }
  }
}
