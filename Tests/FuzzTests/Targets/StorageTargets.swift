import Foundation

@testable import Activities
@testable import HTTP
@testable import orchestratord

/// What stores answer and tell, and the URLs by which anybody may come.
enum StorageTargets {
  static let all = [
    FuzzTarget(name: "presigned-url", check: url),
    FuzzTarget(name: "store-answer", check: answer),
    FuzzTarget(name: "store-message", check: message),
  ]

  /// The target of the request, then lines of `name: value`.
  @Sendable private static func url(_ bytes: [UInt8]) throws {
    let written = lines(of: bytes)
    var headers = HTTPHeaders()
    for line in written.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
      if parts.count == 2 { headers.add(parts[0], trimmed(parts[1])) }
    }
    guard
      let request = try taken(unless: HTTPError.self, { try HTTPRequest(method: .put, target: written[0], headers: headers) }),
      let signature = try taken(unless: SignatureError.self, { try PresignedSignature(request) })
    else { return }
    let credentials = SigningCredentials(keyID: "local", secret: UUID().uuidString, region: "local")
    let isTaken: Void? = try taken(unless: SignatureError.self) {
      try signature.verify(request, by: credentials, at: SigningTime(seconds: 1_795_320_000))
    }
    try must(isTaken == nil, "nobody signs with a secret that was made right now")
  }

  @Sendable private static func answer(_ bytes: [UInt8]) throws {
    guard let tree = try taken(unless: XMLTree.Malformed.self, { try XMLTree(parsing: bytes) }) else { return }
    func depth(_ tree: XMLTree) -> Int { 1 + (tree.children.map(depth).max() ?? 0) }
    func length(_ tree: XMLTree) -> Int { tree.text.utf8.count + tree.children.map(length).reduce(0, +) }
    try must(depth(tree) <= XMLTree.deepest, "depth is bounded")
    try must(length(tree) <= bytes.count, "nothing grows")
  }

  @Sendable private static func message(_ bytes: [UInt8]) throws {
    guard (try? JSONLimits().check(bytes)) != nil, let message = try? JSONDecoder().decode(StoreNotification.self, from: Data(bytes))
    else { return }
    for record in message.records where record.tellsOfNewObject {
      guard let key = record.key else { continue }
      try must((1...ObjectKey.maximumBytes).contains(key.text.utf8.count) && !key.text.contains("/."), "a key stays in its store")
    }
  }
}
