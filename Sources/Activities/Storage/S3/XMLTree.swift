/// One element of a small XML document with what is in it: as much of XML 1.0 as a store answers with.
///
/// Attributes are skipped. Documents with a declaration of types, comments or sections are refused, so nothing can be expanded.
struct XMLTree: Sendable, Equatable {
  let name: String
  /// All text that stands directly in it, in one piece.
  private(set) var text = ""
  private(set) var children: [XMLTree] = []

  static let deepest = 16
  static let mostElements = 50_000

  struct Malformed: Error, Equatable {
    /// Byte of the document.
    let offset: Int
  }

  /// - Throws: `Malformed` also beyond 16 levels or 50,000 elements.
  init(parsing bytes: [UInt8]) throws(Malformed) {
    var reader = XMLReader(bytes)
    self = try reader.document()
  }

  fileprivate init(name: String) { self.name = name }

  /// The children of a name.
  func all(_ name: String) -> [XMLTree] { children.filter { $0.name == name } }

  /// The text of the first child of a name; nil without one.
  subscript(_ name: String) -> String? { children.first { $0.name == name }?.text }

  fileprivate mutating func add(_ child: XMLTree) { children.append(child) }

  fileprivate mutating func add(_ more: String) { text += more }
}

private struct XMLReader {
  private let bytes: [UInt8]
  private var position = 0
  private var elements = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(XMLTree.Malformed) -> XMLTree {
    if starts(with: "\u{FEFF}") { position += 3 }
    if starts(with: "<?xml") { _ = try textUpTo("?>") }
    skipBlanks()
    guard let root = try openTag() else { throw malformed }
    let tree = try content(of: root)
    skipBlanks()
    guard position == bytes.count else { throw malformed }
    return tree
  }

  private var malformed: XMLTree.Malformed { XMLTree.Malformed(offset: position) }

  /// Everything up to the end of an element whose tag was read; its open elements are kept in a list, not on the stack.
  private mutating func content(of root: (tree: XMLTree, isEmpty: Bool)) throws(XMLTree.Malformed) -> XMLTree {
    guard !root.isEmpty else { return root.tree }
    var open = [root.tree]
    while true {
      open[open.count - 1].add(try characters())
      if starts(with: "</") {
        position += 2
        let closed = open.removeLast()
        guard try name() == closed.name else { throw malformed }
        skipBlanks()
        try expect(">")
        if open.isEmpty { return closed }
        open[open.count - 1].add(closed)
      } else {
        guard let (tree, isEmpty) = try openTag() else { throw malformed }
        if isEmpty { open[open.count - 1].add(tree) } else { open.append(tree) }
        guard open.count <= XMLTree.deepest else { throw malformed }
      }
    }
  }

  private mutating func openTag() throws(XMLTree.Malformed) -> (tree: XMLTree, isEmpty: Bool)? {
    guard starts(with: "<") else { return nil }
    position += 1
    elements += 1
    guard elements <= XMLTree.mostElements else { throw malformed }
    let tree = XMLTree(name: try name())
    while true {
      skipBlanks()
      if starts(with: "/>") {
        position += 2
        return (tree, true)
      }
      if starts(with: ">") {
        position += 1
        return (tree, false)
      }
      _ = try name()
      skipBlanks()
      try expect("=")
      skipBlanks()
      let quote = starts(with: "'") ? "'" : "\""
      try expect(quote)
      _ = try textUpTo(quote)
    }
  }

  /// Letters, digits, `-`, `.`, `_`, and `:` of a prefix.
  private mutating func name() throws(XMLTree.Malformed) -> String {
    let start = position
    while position < bytes.count, Self.isNameByte(bytes[position]) { position += 1 }
    guard position > start else { throw malformed }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
    case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"): true
    default: false
    }
  }

  /// Text up to the next tag, its references resolved.
  private mutating func characters() throws(XMLTree.Malformed) -> String {
    var text: [UInt8] = []
    while position < bytes.count, bytes[position] != UInt8(ascii: "<") {
      if bytes[position] == UInt8(ascii: "&") {
        text += try reference().utf8
      } else {
        text.append(bytes[position])
        position += 1
      }
    }
    guard position < bytes.count, let valid = String(validating: text, as: UTF8.self) else { throw malformed }
    return valid
  }

  private mutating func reference() throws(XMLTree.Malformed) -> String {
    position += 1
    let name = try textUpTo(";", longest: 10)
    switch name {
    case "lt": return "<"
    case "gt": return ">"
    case "amp": return "&"
    case "quot": return "\""
    case "apos": return "'"
    default:
      let number = name.hasPrefix("#x") ? UInt32(name.dropFirst(2), radix: 16) : name.hasPrefix("#") ? UInt32(name.dropFirst()) : nil
      guard let number, number > 0, let scalar = Unicode.Scalar(number) else { throw malformed }
      return String(Character(scalar))
    }
  }

  private mutating func textUpTo(_ end: String, longest: Int = 4096) throws(XMLTree.Malformed) -> String {
    let start = position
    while position < bytes.count, position - start <= longest {
      if starts(with: end) {
        defer { position += end.utf8.count }
        return String(decoding: bytes[start..<position], as: UTF8.self)
      }
      position += 1
    }
    throw malformed
  }

  private func starts(with text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

  private mutating func expect(_ text: String) throws(XMLTree.Malformed) {
    guard starts(with: text) else { throw malformed }
    position += text.utf8.count
  }

  private mutating func skipBlanks() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }
}
