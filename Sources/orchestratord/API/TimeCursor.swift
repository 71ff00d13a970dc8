import Activities
import Cryptography
import HTTP
import Workflows

/// Cursors of lists that show the newest first.
extension HTTPRequest {
  /// Nil for the first page.
  /// - Throws: `APIProblem` 400.
  func timeCursor() throws -> TrackCursor? {
    guard let text = queryValue("cursor") else { return nil }
    let parts = Base64URL.decode(text).map { String(decoding: $0, as: UTF8.self).split(separator: ".") } ?? []
    guard parts.count == 2, let time = Int64(parts[0]), let id = TrackID(String(parts[1])) else {
      throw APIProblem.invalid("invalid-query", "\"cursor\" must be the nextCursor of an earlier page.")
    }
    return TrackCursor(createdAt: time, id: id)
  }
}

extension TrackCursor {
  /// As clients send it back.
  var text: String { Base64URL.encode("\(createdAt).\(id)".utf8) }
}
