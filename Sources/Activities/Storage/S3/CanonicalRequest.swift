import HTTP

/// The one form of a request that both sides of a signature hash.
struct CanonicalRequest: Sendable {
  /// Said in place of the body's hash when a signature does not cover it.
  static let unsignedPayload = "UNSIGNED-PAYLOAD"

  /// One part of a query, decoded.
  typealias Query = [(name: String, value: String)]

  let method: HTTPMethod
  /// Decoded; its slashes separate.
  let path: String
  let query: Query
  /// Those that are signed; several of one name count as one, with commas.
  let headers: HTTPHeaders
  let payloadHash: String

  init(_ method: HTTPMethod, path: String, query: Query, headers: HTTPHeaders, payloadHash: String = Self.unsignedPayload) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.payloadHash = payloadHash
  }

  /// The names of the signed headers in order, joined by semicolons.
  var signedHeaders: String { names.joined(separator: ";") }

  private var names: [String] { Set(headers.fields.map { $0.name.lowercased() }).sorted() }

  var text: String {
    let lines = names.map { name in "\(name):\(headers.values(name).map(Self.trimmed).joined(separator: ","))" }
    return """
      \(method.rawValue)
      \(PercentEncoding.encode(path, keepingSlashes: true))
      \(Self.encoded(query, inOrder: true))
      \(lines.joined(separator: "\n"))

      \(signedHeaders)
      \(payloadHash)
      """
  }

  /// The query as it stands in a URL.
  static func encoded(_ query: Query, inOrder: Bool = false) -> String {
    var pairs = query.map { (PercentEncoding.encode($0.name), PercentEncoding.encode($0.value)) }
    if inOrder { pairs.sort { $0 < $1 } }
    return pairs.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
  }

  /// Without blanks around it, and one where there are several.
  private static func trimmed(_ value: String) -> String { value.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
}
