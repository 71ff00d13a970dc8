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
      extension A: Equatable { public static func == (a: A, b: A) -> Bool { true } }
      public extension A {}
      """
    #expect(Self.undocumented(SourceFile(path: "Sources/A/A.swift", text: text)).map(\.line) == [3, 8])
  }

  private static func undocumented(_ file: SourceFile) -> [Finding] {
    guard let swift = file.swift else { return [] }
    return swift.code.indices.compactMap { index in
      guard let declaration = publicDeclaration(swift.code[index]), !isDocumented(swift, before: index) else { return nil }
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
      /^extension\b|^import\b|\b(?:debugDescription|description|errorDescription|hashValue|rawValue)\b|\bfunc\s+(?:==|<|hash\(into|encode\(to)|^init\(from\s|^init\??\(rawValue|^func (?:next|makeAsyncIterator)\(/
    return declaration.contains(wellKnown) ? nil : String(declaration.prefix { $0 != "{" && $0 != "=" }.prefix(60))
  }

  private static func isDocumented(_ swift: SwiftText, before index: Int) -> Bool {
    for above in swift.code[..<index].indices.reversed() {
      let code = swift.code[above].drop(while: \.isWhitespace)
      let comment = swift.comments[above]
      if comment.hasPrefix("///") || (comment.hasSuffix("*/") && code.isEmpty) { return true }
      let isAttribute = code.hasPrefix("@") && !code.contains("public ")
      guard isAttribute || (code.isEmpty && !comment.isEmpty) else { return false }
    }
    return false
  }
}
