import Testing

/// What others see of a module is explained where it is declared: every type, and in the modules that a user imports every
/// nested type, function and number (its unit or range) too. A property that is no number is explained by its name and type.
@Suite struct PublicDeclarationTests {
  /// The others are libraries of the project itself: their types are documented, their members read best as code.
  static let modulesOfUsers: Set<String> = ["Orchestrator", "OrchestratorTesting"]

  @Test("Every public declaration that a user meets has a documentation comment")
  func documented() {
    report(Repository.swiftFiles.filter(\.isSource).flatMap(Self.undocumented))
  }

  @Test("A public declaration without a comment is found, one by one")
  func ruleCanFail() {
    let text = """
      /// Explained.
      public struct A {
        public let lease: Duration
        public let name: String
        /// Explained, with an attribute between.
        @inlinable
        public func b() {}
        // Not for users.
        @inlinable public func c() {
        }
        public var description: String { "" }
        let d = 1
        public enum B {}
        /// Two of a kind.
        public static func hours(_ count: Int) -> Int { count * 3600 }
        public static func minutes(_ count: Int) -> Int { count * 60 }

        public static let limit: Int64 = 1
        public init(a: Int) {}
      }
      extension A: Equatable { public static func == (a: A, b: A) -> Bool { true } }
      public extension A {}
      public typealias C = Int
      """
    #expect(Self.undocumented(SourceFile(path: "Sources/Orchestrator/A.swift", text: text)).map(\.line) == [3, 9, 13, 18, 23])
    #expect(Self.undocumented(SourceFile(path: "Sources/HTTP/A.swift", text: text)).map(\.line) == [23])
  }

  private static func undocumented(_ file: SourceFile) -> [Finding] {
    guard let swift = file.swift, let module = file.module else { return [] }
    let membersToo = modulesOfUsers.contains(module)
    return swift.code.indices.compactMap { index in
      guard let declaration = publicDeclaration(swift.code[index]),
        isType(declaration) ? (membersToo || !swift.code[index].hasPrefix(" ")) : (membersToo && isMemberToExplain(declaration)),
        !isDocumented(swift, at: index)
      else { return nil }
      let name = declaration.prefix { !"({=<".contains($0) }
      return file.finding(
        line: index + 1, "'\(name)' is public: say in one sentence above it (///) what it is, with unit, range, default and errors")
    }
  }

  /// `  @inlinable public static func now() {` -> `static func now() {`
  private static func publicDeclaration(_ line: String) -> Substring? {
    guard line.contains("public ") || line.contains("open ") else { return nil }
    return line.firstMatch(of: /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:public|open)\s+(?:(?:private|internal)\(set\)\s+)?(.*)$/)?.1
  }

  private static func isType(_ declaration: Substring) -> Bool {
    declaration.contains(
      /^(?:(?:final|indirect|distributed)\s+)*(?:struct|class|enum|protocol|actor|typealias(?!\s+(?:Element|Failure|AsyncIterator)\b))\s/)
  }

  private static func isMemberToExplain(_ declaration: Substring) -> Bool {
    if declaration.contains(/^(?:(?:static|class|private\(set\))\s+)*(?:let|var)\s/) {
      return declaration.contains(/:\s*(?:U?Int(?:8|16|32|64)?|Double|Float|Duration)\b/) && !declaration.contains(/\bhashValue\b/)
    }
    // These are explained by the protocols of the standard library that ask for them.
    return declaration.contains(/\bfunc\s/) && !declaration.contains(/\bfunc\s+(?:==|<|hash\(into|encode\(to|next\(|makeAsyncIterator\()/)
  }

  /// A comment may speak for a block: for the declarations of one line each that follow its own without a blank between.
  private static func isDocumented(_ swift: SwiftText, at index: Int) -> Bool {
    let isOfOneLine = isDeclarationOfOneLine(swift.code[index])
    for above in swift.code[..<index].indices.reversed() {
      let code = swift.code[above].drop(while: \.isWhitespace)
      let comment = swift.comments[above]
      if code.isEmpty, comment.hasPrefix("///") || comment.hasSuffix("*/") { return true }
      let isAttribute = code.hasPrefix("@") && !code.contains("public ")
      let isOrdinaryComment = code.isEmpty && !comment.isEmpty
      guard isAttribute || isOrdinaryComment || (isOfOneLine && isDeclarationOfOneLine(swift.code[above])) else { return false }
    }
    return false
  }

  private static func isDeclarationOfOneLine(_ line: String) -> Bool {
    guard let declaration = publicDeclaration(line) else { return false }
    return declaration.contains(/^(?:static )?(?:(?:let|var) .*[^{]$|func .*}$)/)
  }
}
