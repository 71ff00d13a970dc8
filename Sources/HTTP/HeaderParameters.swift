/// A header value with parameters: `form-data; name="a"` (RFC 9110 section 5.6.6).
public struct HeaderParameters: Sendable, Equatable {
  public let value: String
  private let parameters: [(name: String, value: String)]

  /// Nil when the text is not of that form.
  public init?(_ text: String) {
    var scanner = Scanner(text)
    value = trimmed(scanner.upTo(0x3B))
    var parameters: [(String, String)] = []
    while scanner.skip(0x3B) {
      scanner.skipSpace()
      if scanner.isAtEnd { break }
      let name = scanner.token()
      guard !name.isEmpty, scanner.skip(0x3D), let value = scanner.tokenOrQuoted() else { return nil }
      scanner.skipSpace()
      parameters.append((name, value))
    }
    guard scanner.isAtEnd else { return nil }
    self.parameters = parameters
  }

  /// The first parameter of that name, compared without case.
  public subscript(name: String) -> String? { parameters.first { HTTPHeaders.sameName($0.name, name) }?.value }

  public static func == (left: HeaderParameters, right: HeaderParameters) -> Bool {
    left.value == right.value && left.parameters.elementsEqual(right.parameters) { $0 == $1 }
  }

  private struct Scanner {
    private var rest: ArraySlice<UInt8>

    init(_ text: String) { rest = Array(text.utf8)[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skip(_ byte: UInt8) -> Bool {
      guard rest.first == byte else { return false }
      rest.removeFirst()
      return true
    }

    mutating func skipSpace() { rest = rest.drop { $0 == 0x20 || $0 == 0x09 } }

    mutating func upTo(_ byte: UInt8) -> String { take { $0 != byte } }

    mutating func token() -> String { take(HTTPHeaders.isTokenByte) }

    mutating func tokenOrQuoted() -> String? {
      guard skip(0x22) else {
        let token = token()
        return token.isEmpty ? nil : token
      }
      var bytes: [UInt8] = []
      while let byte = rest.popFirst() {
        if byte == 0x22 { return String(decoding: bytes, as: UTF8.self) }
        if byte == 0x5C {
          guard let escaped = rest.popFirst() else { return nil }
          bytes.append(escaped)
        } else {
          bytes.append(byte)
        }
      }
      return nil
    }

    private mutating func take(_ accepts: (UInt8) -> Bool) -> String {
      let taken = rest.prefix(while: accepts)
      rest = rest[taken.endIndex...]
      return String(decoding: taken, as: UTF8.self)
    }
  }
}
