import HTTP

/// The revisions that an edit may be made on: its `If-Match` (RFC 9110 section 13.1.1).
struct ExpectedRevisions: Equatable {
  /// More than any client has seen of one track.
  private static let tagsMaximum = 20

  /// Nil for whatever holds (`*`).
  let numbers: [Int32]?

  static func entityTag(_ revision: Int32) -> String { "\"\(revision)\"" }

  /// Tags that are none of ours, weak ones too, match nothing.
  /// - Throws: `APIProblem` 428 without the header, 400 for one that is no list of tags.
  init(of request: HTTPRequest) throws {
    let values = request.headers.values("If-Match")
    guard !values.isEmpty else {
      throw APIProblem(
        .preconditionRequired, "precondition-required", "Send If-Match with the ETag of the track as you read it, so that no edit is lost.")
    }
    let tags = values.flatMap { $0.split(separator: ",") }.map { $0.drop { $0 == " " || $0 == "\t" } }.map { text in
      String(text.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
    if tags == ["*"] {
      numbers = nil
      return
    }
    guard (1...Self.tagsMaximum).contains(tags.count), tags.allSatisfy({ $0.wholeMatch(of: /(?:W\/)?"[!\x23-\x7E]*"/) != nil }) else {
      throw APIProblem.invalid("invalid-if-match", "If-Match is \"*\" or at most \(Self.tagsMaximum) entity tags in double quotes.")
    }
    numbers = tags.compactMap { tag in
      // One way of writing each number: "07" is not the tag of revision 7.
      Int32(tag.dropFirst().dropLast()).flatMap { Self.entityTag($0) == tag ? $0 : nil }
    }
  }
}
