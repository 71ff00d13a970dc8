/// Where a function stands in its file.
struct FunctionSpan: Equatable {
  let name: String
  /// Both counted from 1, the declaration and the closing brace included.
  let firstLine: Int
  let lastLine: Int

  var length: Int { lastLine - firstLine + 1 }
}

extension SwiftText {
  /// Every function, initialiser, deinitialiser and subscript with a body, nested ones too.
  var functions: [FunctionSpan] {
    code.indices.flatMap { line in
      declarations(in: code[line]).compactMap { name, column in
        lastLine(ofDeclarationAt: line, column: column).map {
          FunctionSpan(name: name, firstLine: line + 1, lastLine: $0 + 1)
        }
      }
    }
  }

  private func declarations(in text: String) -> [(name: String, column: Int)] {
    guard text.contains("func ") || text.contains("init") || text.contains("subscript") else { return [] }
    let pattern = /(?:^|[^.\w`])(func\s+[^\s(<]+|init(?=[?!]?[(<])|deinit|subscript(?=[(<]))/
    return text.matches(of: pattern).map { match in
      (String(match.1), text.utf8.distance(from: text.startIndex, to: match.1.endIndex))
    }
  }

  /// Nil for a declaration without a body: a requirement of a protocol.
  private func lastLine(ofDeclarationAt first: Int, column: Int) -> Int? {
    var parentheses = 0
    var braces = 0
    for line in first..<code.count {
      let text = code[line].utf8.dropFirst(line == first ? column : 0)
      if line > first, parentheses == 0, braces == 0, !continuesSignature(at: line) { return nil }
      for byte in text {
        switch byte {
        case UInt8(ascii: "("), UInt8(ascii: "["): parentheses += 1
        case UInt8(ascii: ")"), UInt8(ascii: "]"): parentheses -= 1
        case UInt8(ascii: "{") where parentheses == 0 || braces > 0: braces += 1
        case UInt8(ascii: "}") where parentheses == 0 || braces > 0:
          braces -= 1
          if braces == 0 { return line }
          if braces < 0 { return nil }
        default: break
        }
      }
    }
    return nil
  }

  private func continuesSignature(at line: Int) -> Bool {
    let words = ["{", "->", "where", "throws", "async", "rethrows", "&"]
    let text = code[line].drop(while: \.isWhitespace)
    let before = code[line - 1].reversed().drop(while: \.isWhitespace).first
    return words.contains { text.hasPrefix($0) } || before.map { ">,:&=".contains($0) } ?? false
  }
}
