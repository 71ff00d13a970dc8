import HTTP

/// The proxies whose word counts on where a request comes from.
struct TrustedProxies: Sendable {
  private let addresses: Set<IPAddress>

  /// - Parameter text: numeric addresses with commas between them.
  /// - Throws: `UsageError`.
  init(_ text: String) throws(UsageError) {
    var addresses: Set<IPAddress> = []
    for part in text.split(separator: ",") {
      let word = part.filter { !$0.isWhitespace }
      guard let address = IPAddress(word) else { throw UsageError("'\(word)' is no numeric IP address of a proxy") }
      addresses.insert(address)
    }
    self.addresses = addresses
  }

  private init() { addresses = [] }

  static let none = TrustedProxies()

  /// The last address of `X-Forwarded-For` that no trusted proxy has: everything before it is the client's own invention.
  func client(of request: HTTPRequest) -> String {
    guard isTrusted(request.remoteAddress) else { return request.remoteAddress }
    let named = request.headers.values("X-Forwarded-For").flatMap { $0.split(separator: ",") }.map { $0.filter { !$0.isWhitespace } }
    for name in named.reversed() {
      guard IPAddress(name) != nil else { break }
      if !isTrusted(name) { return name }
    }
    return request.remoteAddress
  }

  /// Whom a limit for addresses counts: of IPv6 the network of a household, which has more addresses than anyone can count.
  func subject(of request: HTTPRequest) -> String {
    let text = client(of: request)
    guard let address = IPAddress(text)?.unwrapped, address.bytes.count == 16 else { return text }
    return address.bytes.prefix(8).map(String.init).joined(separator: ".")
  }

  private func isTrusted(_ text: String) -> Bool {
    IPAddress(text).map { addresses.contains($0.unwrapped) || addresses.contains($0) } ?? false
  }
}
