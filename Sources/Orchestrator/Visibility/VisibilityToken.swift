/// A word of a query.
struct VisibilityToken: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    /// A keyword or the name of a field, as it is written.
    case word(String)
    /// A name in backquotes, which is never a keyword.
    case name(String)
    /// A text without its quotes.
    case string(String)
    /// As it is written: digits, perhaps with a sign, a fraction and an exponent.
    case number(String)
    /// `=`, `!=`, `<>`, `<`, `<=`, `>` or `>=`.
    case comparison(String)
    case open
    case close
    case comma
    case end
  }

  let kind: Kind
  /// The character at which it begins, from 1.
  let position: Int

  /// What stands here, in words. Of a value only its kind: what people search for may be secret.
  var description: String {
    switch kind {
    case .word(let text), .comparison(let text): "'\(text.prefix(40))'"
    case .name: "a name in backquotes"
    case .string: "a text"
    case .number: "a number"
    case .open: "'('"
    case .close: "')'"
    case .comma: "','"
    case .end: "the end"
    }
  }
}

/// Why a query cannot be used: where, what was expected there, and what was found.
struct VisibilityQueryError: Error, Equatable, CustomStringConvertible {
  /// The character at which it was noticed, from 1.
  let position: Int
  let reason: String

  init(_ position: Int, _ reason: String) {
    self.position = position
    self.reason = reason
  }

  var description: String { "the query cannot be used, at character \(position): \(reason)" }
}

/// Cuts a query into words.
struct VisibilityTokenizer {
  private let text: [Unicode.Scalar]
  private var index = 0

  /// All words with the end behind them.
  static func tokens(of text: String) throws(VisibilityQueryError) -> [VisibilityToken] {
    guard text.utf8.count <= Limits.queryBytes else {
      throw VisibilityQueryError(1, "it has \(text.utf8.count) bytes, the limit is \(Limits.queryBytes)")
    }
    var tokenizer = VisibilityTokenizer(text: Array(text.unicodeScalars))
    var tokens: [VisibilityToken] = []
    repeat { tokens.append(try tokenizer.next()) } while tokens.last?.kind != .end
    return tokens
  }

  private init(text: [Unicode.Scalar]) {
    self.text = text
  }

  private var current: Unicode.Scalar? { index < text.count ? text[index] : nil }

  private mutating func next() throws(VisibilityQueryError) -> VisibilityToken {
    while let scalar = current, scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" { index += 1 }
    let position = index + 1
    return VisibilityToken(kind: try kind(at: position), position: position)
  }

  private mutating func kind(at position: Int) throws(VisibilityQueryError) -> VisibilityToken.Kind {
    guard let first = current else { return .end }
    switch first {
    case "(": return symbol(.open)
    case ")": return symbol(.close)
    case ",": return symbol(.comma)
    case "'", "\"": return .string(try quoted(by: first, at: position))
    case "`":
      let name = try quoted(by: first, at: position)
      guard !name.isEmpty, name.unicodeScalars.allSatisfy({ $0.isNameStart || $0.isDigit }) else {
        throw VisibilityQueryError(position, "a name consists of letters, digits and _")
      }
      return .name(name)
    case "=", "!", "<", ">": return try comparison(at: position)
    case "+", "-", ".": return try number(at: position)
    default: break
    }
    if first.isDigit { return try number(at: position) }
    guard first.isNameStart else {
      throw VisibilityQueryError(position, "what stands here has no meaning outside of quotes: expected a name, a value or a parenthesis")
    }
    return .word(take { $0.isNameStart || $0.isDigit })
  }

  private mutating func symbol(_ kind: VisibilityToken.Kind) -> VisibilityToken.Kind {
    index += 1
    return kind
  }

  private mutating func take(while belongs: (Unicode.Scalar) -> Bool) -> String {
    var taken = String.UnicodeScalarView()
    while let scalar = current, belongs(scalar) {
      taken.append(scalar)
      index += 1
    }
    return String(taken)
  }

  /// Up to the same quote. Doubled, or behind a backslash, it stands for itself, as a backslash behind a backslash does; what other
  /// backslashes mean differs between systems, so they are refused.
  private mutating func quoted(by quote: Unicode.Scalar, at position: Int) throws(VisibilityQueryError) -> String {
    index += 1
    var content = String.UnicodeScalarView()
    while let scalar = current {
      index += 1
      switch scalar {
      case quote:
        guard current == quote else { return String(content) }
        index += 1
        content.append(quote)
      case "\\":
        guard let escaped = current, escaped == "\\" || escaped == "'" || escaped == "\"" || escaped == "`" else {
          throw VisibilityQueryError(index, "a backslash stands before a quote or another backslash only: write \\\\ for one")
        }
        index += 1
        content.append(escaped)
      case "\0": throw VisibilityQueryError(index, "U+0000 cannot be stored, so nothing can be found by it")
      default: content.append(scalar)
      }
    }
    throw VisibilityQueryError(position, "the text that begins here has no closing \(quote)")
  }

  private mutating func comparison(at position: Int) throws(VisibilityQueryError) -> VisibilityToken.Kind {
    let text = take { "=!<>".unicodeScalars.contains($0) }
    guard ["=", "!=", "<>", "<", "<=", ">", ">="].contains(text) else {
      throw VisibilityQueryError(position, "'\(text.prefix(40))' is no comparison: expected =, !=, <, <=, > or >=")
    }
    return .comparison(text)
  }

  private mutating func number(at position: Int) throws(VisibilityQueryError) -> VisibilityToken.Kind {
    // One letter too many belongs to the number, so that it is refused as a whole.
    let text = take { $0.isDigit || $0.isNameStart || $0 == "." || $0 == "+" || $0 == "-" }
    guard text.utf8.count <= 40, text.wholeMatch(of: /[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?/) != nil else {
      throw VisibilityQueryError(position, "'\(text.prefix(40))' is no number such as 5, -1.5 or 2e3; times and ids stand in quotes")
    }
    return .number(text)
  }
}

extension Unicode.Scalar {
  fileprivate var isDigit: Bool { ("0"..."9").contains(self) }
  fileprivate var isNameStart: Bool { ("a"..."z").contains(self) || ("A"..."Z").contains(self) || self == "_" }
}
