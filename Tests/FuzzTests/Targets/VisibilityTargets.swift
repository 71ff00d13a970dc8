import Foundation

@testable import Orchestrator
@testable import PostgreSQL

/// Queries for runs: a language that strangers write, on its way to SQL.
enum VisibilityTargets {
  static let all = [FuzzTarget(name: "visibility-query", check: query)]

  private static let attributes: [String: SearchAttributeType] = [
    "Tier": .keyword, "Notes": .text, "Amount": .int, "Score": .double, "Urgent": .bool, "Due": .datetime, "Tags": .keywordList,
  ]

  @Sendable private static func query(_ bytes: [UInt8]) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    let filter: VisibilityFilter
    do {
      filter = try VisibilityFilter(try VisibilityQuery(text), attributes: attributes)
    } catch {
      try must((1...text.unicodeScalars.count + 1).contains(error.position), "a mistake is in the query, or where it ends: \(error)")
      return
    }
    try must(text.utf8.count <= Limits.queryBytes, "a query is bounded")
    for cursor in [nil, VisibilityCursor.run(.generate()), .close(nil, .generate())] {
      try check(VisibilityQueryStatements.page(of: filter, namespace: "default", after: cursor, limit: 10), of: text)
    }
    try check(VisibilityQueryStatements.count(of: filter, namespace: "default"), of: text)
  }

  private static func check(_ bound: [BoundStatement], of text: String) throws {
    guard let (statement, parameters) = bound.last else { throw BrokenProperty(description: "there is a statement") }
    try must(parameters.mismatch(with: statement) == nil, "parameters have the types that the statement declares")
    try must(statement.parameterTypes.count <= 2 * Limits.queryTerms + 5, "parameters are bounded")
    for number in 1...statement.parameterTypes.count {
      try must(statement.sql.contains("$\(number)"), "every parameter is used")
    }
    try must(statement.sql.utf8.allSatisfy { (32..<127).contains($0) || $0 == UInt8(ascii: "\n") }, "a statement is plain ASCII")
    // What is quoted in the statement is ours: it is the same whatever stands between the quotes of the query.
    let ours: Set<Substring> = ["simple", "infinity", "-infinity", "number", "boolean", #"\s+"#]
    let quoted = statement.sql.split(separator: "'", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
    try must(quoted.allSatisfy { ours.contains($0.element) }, "no text of the query is in the statement: \(quoted.map(\.element))")
  }
}
