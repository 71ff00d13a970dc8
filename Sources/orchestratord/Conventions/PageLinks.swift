import Foundation
import HTTP
import Orchestrator
import Synchronization

/// A page of a list.
protocol PageOfList {
  /// For the query of the next page; nil on the last one.
  var nextCursor: String? { get }
}

extension Page: PageOfList {}
extension Listing: PageOfList {}

/// Tells clients where the next page of a list is (RFC 8288), beside the cursor in the body.
enum PageLinks {
  /// What `HTTPResponse.json(encoding:)` leaves here: the cursor alone, which knows nothing of the request's query.
  @TaskLocal private static var next: NextCursor?

  private final class NextCursor: Sendable {
    let text = Mutex<String?>(nil)
  }

  static func note(_ value: some Encodable) {
    if let page = value as? any PageOfList { next?.text.withLock { $0 = page.nextCursor } }
  }

  static func around(_ request: HTTPRequest, _ next: HTTPHandler) async throws -> HTTPResponse {
    guard request.method == .get || request.method == .head else { return try await next(request) }
    let cursor = NextCursor()
    var response = try await $next.withValue(cursor) { try await next(request) }
    guard let text = cursor.text.withLock({ $0 }), response.status == .ok else { return response }
    let query = request.query.filter { $0.name != "cursor" }.map { ($0.name, $0.value) } + [("cursor", text)]
    let link = query.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&")
    response.headers["Link"] = "<\(request.rawPath)?\(link)>; rel=\"next\""
    return response
  }

  private static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      let isPlain =
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || "-._~".utf8.contains(byte)
      return isPlain ? String(UnicodeScalar(byte)) : "%" + String(UInt16(byte) + 0x100, radix: 16, uppercase: true).dropFirst()
    }.joined()
  }
}
