import Testing

/// What users of a module see is explained where it is declared.
@Suite struct PublicDeclarationTests {
  @Test("Every public declaration has a documentation comment")
  func documented() {
    report(Repository.swiftFiles.filter(\.isSource).flatMap(Self.undocumented))
  }

  @Test("A public declaration without a comment is found, one by one")
  func ruleCanFail() {
    let text = """
      /// Explained.
      public struct A {
        public let a: Int
        /// Explained, with an attribute between.
        @inlinable
        public func b() {}
        // Not for users.
        @inlinable public func c() {}
        public var description: String { "" }
        let d = 1
      }
      /// Two of a kind.
      public static let e = 1
      public static let f = 1

      public static let g = 1
      public init(a: Int) {}
      extension A: Equatable { public static func == (a: A, b: A) -> Bool { true } }
      public extension A {}
      """
    #expect(Self.undocumented(SourceFile(path: "Sources/A/A.swift", text: text)).map(\.line) == [3, 8, 16])
  }

  private static func undocumented(_ file: SourceFile) -> [Finding] {
    guard let swift = file.swift else { return [] }
    return swift.code.indices.compactMap { index in
      guard let declaration = publicDeclaration(swift.code[index]), !isDocumented(swift, at: index) else { return nil }
      return file.finding(
        line: index + 1, "'\(declaration)' is public: say in one sentence above it (///) what it is, its unit, default and errors")
    }
  }

  /// `  @inlinable public static func now() {` -> `static func now()`; nil when users need no words on it.
  private static func publicDeclaration(_ line: String) -> String? {
    guard let match = line.firstMatch(of: /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:public|open)(?:\(set\))?\s+(.*)$/) else { return nil }
    let declaration = match.1
    // An extension declares nothing of its own, and these are explained by the protocol of the standard library that asks for them.
    let wellKnown =
      /^extension\b|^import\b|\b(?:debugDescription|description|errorDescription|hashValue|rawValue)\b|\bfunc\s+(?:==|<|hash\(into|encode\(to)|^func (?:next|makeAsyncIterator)\(/
    return declaration.contains(wellKnown) ? nil : String(declaration.prefix { $0 != "{" && $0 != "=" }.prefix(60))
  }

  /// A comment may speak for a block: for the properties that follow its own, a line each, without a blank between.
  private static func isDocumented(_ swift: SwiftText, at index: Int) -> Bool {
    let isProperty = isPropertyOfOneLine(swift.code[index])
    for above in swift.code[..<index].indices.reversed() {
      let code = swift.code[above].drop(while: \.isWhitespace)
      let comment = swift.comments[above]
      if code.isEmpty, comment.hasPrefix("///") || comment.hasSuffix("*/") { return true }
      let isAttribute = code.hasPrefix("@") && !code.contains("public ")
      let isOrdinaryComment = code.isEmpty && !comment.isEmpty
      guard isAttribute || isOrdinaryComment || (isProperty && isPropertyOfOneLine(swift.code[above])) else { return false }
    }
    return false
  }

  private static func isPropertyOfOneLine(_ line: String) -> Bool {
    line.contains(/^\s*public (?:internal\(set\) |private\(set\) )?(?:static )?(?:let|var) /)
  }
}
