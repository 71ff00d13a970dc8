import Foundation
import Testing

/// Calls that have a better one. A comment on the line or right above it, which proves that the call is right there, lifts a ban.
@Suite struct BanTests {
  struct Ban: Sendable, CustomTestStringConvertible {
    let name: String
    let pattern: String
    let advice: String
    let applies: @Sendable (SourceFile) -> Bool

    var testDescription: String { name }
  }

  private static let sleeping = "wait for a condition or a signal, or say in a comment above why only time can do it"
  private static let proof = "or prove in a comment right above that it cannot go wrong here"
  private static let pure = "this room is pure: take it as an input, or explain in a comment above why the result stays deterministic"
  private static let isPure: @Sendable (SourceFile) -> Bool = {
    $0.path.hasPrefix("Sources/Orchestrator/Model/") || $0.path.hasPrefix("Sources/Orchestrator/Runtime/")
  }

  static let bans = [
    Ban(name: "Task.sleep", pattern: #"Task\s*(?:<[^>]*>)?\.sleep\b"#, advice: sleeping, applies: \.isTest),
    Ban(name: "usleep", pattern: #"(?<![.\w])(?:u|nano)?sleep\("#, advice: sleeping, applies: \.isTest),
    Ban(name: "Thread.sleep", pattern: #"Thread\.sleep\b"#, advice: sleeping, applies: \.isTest),
    Ban(name: "try!", pattern: #"\btry!"#, advice: "throw or handle the error, \(proof)", applies: \.isSource),
    Ban(name: "as!", pattern: #"\bas!"#, advice: "use 'as?' and name the error, \(proof)", applies: \.isSource),
    Ban(
      name: "force unwrap", pattern: #"(?<!\btry|\bas)(?<=[\w)\]])!(?![=\w])"#, advice: "use 'guard let' or 'if let', \(proof)",
      applies: \.isSource),
    Ban(name: "fatalError", pattern: #"\bfatalError\("#, advice: "throw an error that confines the failure, \(proof)", applies: \.isSource),
    Ban(
      name: "@unchecked Sendable", pattern: #"@unchecked\s+Sendable"#, advice: "let the compiler check it, \(proof)", applies: \.isSource),
    Ban(
      name: "nonisolated(unsafe)", pattern: #"nonisolated\(unsafe\)"#, advice: "let the compiler check it, \(proof)", applies: \.isSource),
    Ban(
      name: "pointer rebinding", pattern: #"\b(?:bindMemory|assumingMemoryBound|withMemoryRebound|unsafeBitCast|unsafeDowncast)\b"#,
      advice: "use a typed pointer or loadUnaligned, \(proof)", applies: \.isSource),
    Ban(
      name: "own clock", pattern: #"\bDate\(\)|\bDate\.now\b|\b(?:Continuous|Suspending)Clock\b|\bclock_gettime\("#, advice: pure,
      applies: isPure),
    Ban(
      name: "own randomness", pattern: #"\bUUID\(\)|\.random\(|\bSystemRandomNumberGenerator\b|\.shuffled\(\)|\.randomElement\(\)"#,
      advice: pure, applies: isPure),
    Ban(name: "file access", pattern: #"\bFileManager\b|\bFileHandle\b|\b(?:String|Data)\(contentsOf:"#, advice: pure, applies: isPure),
  ]

  @Test("A banned call is not used, or a comment proves it", arguments: bans)
  func banned(_ ban: Ban) {
    report(Repository.swiftFiles.filter(ban.applies).flatMap { Self.uses(of: ban, in: $0) })
  }

  @Test(
    "Each ban finds the call that it names, in code only",
    arguments: [
      ("try!", "let a = try! b()"), ("as!", "let a = b as! C"), ("fatalError", "fatalError(\"no\")"),
      ("force unwrap", "let a = b!.c"), ("force unwrap", "f(a[0]!, b()!)"),
      ("@unchecked Sendable", "final class A: @unchecked Sendable {}"), ("nonisolated(unsafe)", "nonisolated(unsafe) var a = 1"),
      ("pointer rebinding", "p.assumingMemoryBound(to: Int.self)"), ("Task.sleep", "try await Task.sleep(for: .seconds(1))"),
      ("usleep", "usleep(10)"), ("usleep", "sleep(1)"), ("Thread.sleep", "Thread.sleep(forTimeInterval: 1)"),
      ("own clock", "let now = Date()"), ("own randomness", "Int.random(in: 0..<3)"), ("file access", "FileManager.default"),
    ])
  func bansCanFail(name: String, sample: String) throws {
    let ban = try #require(Self.bans.first { $0.name == name })
    let file = { SourceFile(path: "Sources/A/A.swift", text: $0) }
    #expect(Self.uses(of: ban, in: file("\n\(sample)\n")).map(\.line) == [2])
    #expect(Self.uses(of: ban, in: file("\n// The caller checked it.\n\(sample)\n")).isEmpty)
    #expect(Self.uses(of: ban, in: file("// Far away.\n\n\(sample)\n")).count == 1)
    #expect(Self.uses(of: ban, in: file("let a = #\"\(sample)\"#\n")).isEmpty)
  }

  @Test("A pause between two looks at a condition is how tests wait")
  func polling() throws {
    let ban = try #require(Self.bans.first { $0.name == "Task.sleep" })
    let text = "while !isReady() {\n  try await Task.sleep(for: .milliseconds(5))\n}\n"
    #expect(Self.uses(of: ban, in: SourceFile(path: "Tests/A/A.swift", text: text)).isEmpty)
  }

  @Test("What only looks like a force unwrap is none", arguments: ["a != b", "!a", "a !== b", "try! a()", "if a, !b {}", "a = !b"])
  func notAForceUnwrap(sample: String) throws {
    let ban = try #require(Self.bans.first { $0.name == "force unwrap" })
    #expect(Self.uses(of: ban, in: SourceFile(path: "Sources/A/A.swift", text: sample)).isEmpty)
  }

  /// A pause within a loop that waits for its condition is how a test waits for a condition.
  private static func isBetweenTwoLooks(_ swift: SwiftText, at index: Int) -> Bool {
    swift.code[max(0, index - 6)...index].contains { $0.contains(/^\s*(?:while|repeat)\b/) }
  }

  private static func uses(of ban: Ban, in file: SourceFile) -> [Finding] {
    guard let swift = file.swift, let pattern = try? NSRegularExpression(pattern: ban.pattern) else {
      return [file.finding("the pattern of the rule '\(ban.name)' cannot be read: mend it in BanTests.swift")]
    }
    return swift.code.enumerated().compactMap { index, line in
      let whole = NSRange(line.startIndex..., in: line)
      guard pattern.firstMatch(in: line, range: whole) != nil, !swift.hasComment(at: index + 1) else { return nil }
      guard !(ban.advice == sleeping && isBetweenTwoLooks(swift, at: index)) else { return nil }
      return file.finding(line: index + 1, "\(ban.name): \(ban.advice)")
    }
  }
}
