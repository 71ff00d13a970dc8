import Testing

/// The rules are as good as the reading of Swift beneath them.
@Suite struct ScannerTests {
  @Test("Comments, literals and code are told apart")
  func parts() {
    let text = SwiftText(
      ##"""
      let a = "// not a comment" // a comment
      /* one /* nested */ still */ let b = 1
      let c = #"a "quoted" \n \#(value("x")) word"#
      let d = """
        select "one"
        """
      let e = "\(items.map { "(\($0))" }.joined(separator: ")"))!"
      let f = a / b / c, g = /"[/"]+\/x/
      """##)
    #expect(text.comments[0] == "// a comment")
    #expect(text.code[0] == "let a = \"\" ")
    #expect(text.code[1] == " let b = 1")
    #expect(text.literals.first { $0.line == 3 }?.text == "x")
    #expect(text.literals.contains { $0.line == 3 && $0.text.contains("a \"quoted\" ") && $0.text.hasSuffix("? word") })
    #expect(text.literals.contains { $0.line == 4 && $0.text.contains("select \"one\"") })
    #expect(text.code[6] == "let e = items.map { $0\"\" }.joined(separator: \"\")\"\"")
    #expect(text.code[7].hasPrefix("let f = a / b / c, g = "))
    #expect(text.code.count == 8)
  }

  @Test("Functions are measured from their declaration to their closing brace")
  func functions() {
    let text = SwiftText(
      """
      protocol P {
        func requirement() async throws -> Int
        init(a: Int)
        var b: Int { get }
      }
      struct S: P {
        init(
          a: Int,
          close: () -> Void = {}
        ) {
          self.init(b: .init(a))
        }
        func outer<T>(_ value: T) -> [Int]
        where T: Sendable {
          func inner() { print("}") }
          return values.map({ $0 + 1 })
        }
        subscript(i: Int) -> Int { i }
        deinit {
        }
      }
      """)
    #expect(
      text.functions == [
        FunctionSpan(name: "init", firstLine: 7, lastLine: 12),
        FunctionSpan(name: "func outer", firstLine: 13, lastLine: 17),
        FunctionSpan(name: "func inner", firstLine: 15, lastLine: 15),
        FunctionSpan(name: "subscript", firstLine: 18, lastLine: 18),
        FunctionSpan(name: "deinit", firstLine: 19, lastLine: 20),
      ])
  }
}
