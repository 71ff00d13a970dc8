import Foundation
import Testing

@testable import Orchestrator

/// One catalogue in four places: Swift, SQL, HTTP and the documentation.
@Suite struct ErrorCatalogueTests {
  static let top = URL(fileURLWithPath: EngineFixture.migrations).deletingLastPathComponent()

  @Test(arguments: ErrorCode.all) func `Every code has a page with its numbers, what happened, why, and what to do`(code: ErrorCode) throws
  {
    let page = try String(contentsOf: Self.top.appending(path: "docs/errors/\(code.name).md"), encoding: .utf8)
    #expect(page.hasPrefix("# \(code.name)\n"))
    #expect(page.contains("| \(code.sqlState) | \(code.httpStatus) | \(code.exitStatus) |"))
    let sections = page.split(separator: "\n## ").dropFirst().map { $0.split(separator: "\n", maxSplits: 1) }
    #expect(sections.map { String($0[0]) } == ["What happened", "Why", "What to do"])
    #expect(sections.allSatisfy { $0.count == 2 && $0[1].count > 40 })
  }

  @Test func `Every page is one of a code, and the index lists all of them with their numbers`() throws {
    let folder = Self.top.appending(path: "docs/errors")
    let pages = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0 != "README.md" }
    #expect(pages.sorted() == ErrorCode.all.map { "\($0.name).md" }.sorted())
    let index = try String(contentsOf: folder.appending(path: "README.md"), encoding: .utf8)
    for code in ErrorCode.all {
      #expect(index.contains("| [\(code.name)](\(code.name).md) | \(code.sqlState) | \(code.httpStatus) | \(code.exitStatus) |"))
    }
  }

  @Test func `What SQL raises is in the catalogue, and no code has the number of another`() throws {
    #expect(Set(ErrorCode.all.map(\.sqlState)).count == ErrorCode.all.count && Set(ErrorCode.all.map(\.name)).count == ErrorCode.all.count)
    let known = Set(ErrorCode.all.map(\.sqlState))
    var raised: Set<String> = []
    for folder in ["Migrations", "Sources/Orchestrator/Store"] {
      let path = Self.top.appending(path: folder)
      for name in try FileManager.default.contentsOfDirectory(atPath: path.path) {
        let text = try String(contentsOf: path.appending(path: name), encoding: .utf8)
        raised.formUnion(text.matches(of: /(?:errcode = |refuse\()'(OR\d{3})'/).map { String($0.1) })
      }
    }
    #expect(raised.isSubset(of: known) && raised.isSuperset(of: ["OR001", "OR002", "OR003", "OR004", "OR005", "OR006", "OR007", "OR018"]))
  }
}
