import Testing

/// The straight line of imports, each module knowing only what stands before it:
/// C libraries <- Compression, Cryptography <- PostgreSQL, HTTP <- Orchestrator <- Workflows <- Activities <- orchestratord.
@Suite struct ImportTests {
  /// What each module may import; a module that is missing here may not exist.
  static let allowed: [String: Set<String>] = [
    "PostgreSQL": ["CPostgreSQL", "CProcess", "Cryptography", "Dispatch", "Foundation", "Glibc", "Synchronization"],
    "HTTP": ["CMicroHTTPD", "CCurl", "CProcess", "Dispatch", "Foundation", "Glibc", "Synchronization"],
    "Compression": ["CZlib", "Foundation"],
    "Cryptography": ["CCrypt", "COpenSSL", "Foundation"],
    // Threads and poll stand behind the owner's loop; its pure rooms are closed to them below.
    "Orchestrator": ["CProcess", "Compression", "Cryptography", "Foundation", "Glibc", "PostgreSQL", "Synchronization"],
    "OrchestratorTesting": ["Foundation", "Orchestrator", "PostgreSQL", "Synchronization"],
    "Workflows": ["Foundation", "Orchestrator"],
    "Activities": [
      "CMagic", "CPocketSphinx", "CProcess", "Cryptography", "Foundation", "Glibc", "HTTP", "Orchestrator", "PostgreSQL",
      "Synchronization", "Workflows",
    ],
    "orchestratord": [
      "Activities", "CProcess", "Compression", "Cryptography", "Dispatch", "Foundation", "Glibc", "HTTP", "Orchestrator", "PostgreSQL",
      "Synchronization", "Workflows",
    ],
  ]

  /// Folders that are rooms of the Orchestrator with a narrower door than the module's.
  static let forbidden: [String: Set<String>] = [
    "Sources/Orchestrator/Model/": ["PostgreSQL", "Glibc", "Dispatch"],
    "Sources/Orchestrator/Runtime/": ["PostgreSQL", "Glibc", "Dispatch"],
  ]

  @Test("Every module imports only what stands before it on the line")
  func imports() {
    report(Repository.swiftFiles.flatMap(Self.wrongImports))
  }

  @Test("An import against the line is found, in whatever form it is written")
  func ruleCanFail() {
    func lines(_ path: String, _ text: String) -> [Int] { Self.wrongImports(SourceFile(path: path, text: text)).map(\.line) }
    #expect(lines("Sources/Workflows/A.swift", "import Foundation\nimport PostgreSQL\n") == [2])
    #expect(lines("Sources/Orchestrator/Runtime/A.swift", "import PostgreSQL\n") == [1])
    #expect(lines("Sources/Orchestrator/Store/A.swift", "import PostgreSQL\n").isEmpty)
    #expect(lines("Sources/HTTP/A.swift", "@preconcurrency internal import COpenSSL\nimport struct CMagic.magic_t\n") == [1, 2])
    #expect(lines("Sources/HTTP/A.swift", "// import COpenSSL\nlet important = \"import COpenSSL\"\n").isEmpty)
    #expect(lines("Sources/Newcomer/A.swift", "let a = 1\n") == [0])
  }

  private static func wrongImports(_ file: SourceFile) -> [Finding] {
    guard file.isSource, let swift = file.swift, let module = file.module else { return [] }
    guard let known = allowed[module] else {
      return [file.finding("module '\(module)' has no place on the line of imports: give it one in ImportTests.swift")]
    }
    let room = forbidden.first { file.path.hasPrefix($0.key) }
    return swift.code.enumerated().compactMap { index, line in
      guard let imported = importedModule(line) else { return nil }
      if let room, room.value.contains(imported) {
        return file.finding(line: index + 1, "\(room.key) is pure and must not import \(imported): take what you need as a value")
      }
      guard !known.contains(imported) else { return nil }
      return file.finding(
        line: index + 1, "\(module) must not import \(imported): move the code, or pass a value or protocol down the line")
    }
  }

  private static func importedModule(_ line: String) -> String? {
    let words = line.split(separator: " ")
    guard let position = words.firstIndex(of: "import"), position + 1 < words.count,
      words[..<position].allSatisfy({ $0.hasPrefix("@") || ["public", "package", "internal", "private", "fileprivate"].contains($0) })
    else { return nil }
    let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias", "actor"]
    let name = kinds.contains(words[position + 1]) ? words.dropFirst(position + 2).first : words[position + 1]
    return name?.split(separator: ".").first.map(String.init)
  }
}
