/// Where the body of a request ends (RFC 9112 section 6); what is ambiguous is refused, because a proxy could read it
/// differently and be tricked by it.
struct RequestFraming: Equatable {
  let hasBody: Bool
  /// In bytes; nil with a body means chunks of unknown total.
  let declaredLength: UInt64?

  /// Throws ``HTTPError`` 400 on a duplicate `Host`, an unknown transfer coding, or contradicting lengths.
  init(_ headers: HTTPHeaders) throws(HTTPError) {
    guard headers.values("Host").count <= 1 else {
      throw HTTPError(.badRequest, "The request has more than one Host header. Send exactly one.")
    }
    let codings = headers.values("Transfer-Encoding")
    let lengths = headers.values("Content-Length")
    guard codings.isEmpty || lengths.isEmpty else {
      throw HTTPError(.badRequest, "The request has both Content-Length and Transfer-Encoding. Send one of them.")
    }
    if !codings.isEmpty {
      guard codings.count == 1, HTTPHeaders.sameName(trimmed(codings[0]), "chunked") else {
        throw HTTPError(.badRequest, "The only transfer coding understood here is \"chunked\".")
      }
      hasBody = true
      declaredLength = nil
      return
    }
    guard lengths.count <= 1 else {
      throw HTTPError(.badRequest, "The request has more than one Content-Length header. Send exactly one.")
    }
    let digits = lengths.first.map { trimmed($0) }
    guard let digits else {
      hasBody = false
      declaredLength = 0
      return
    }
    guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = UInt64(digits) else {
      throw HTTPError(.badRequest, "Content-Length is not a whole number of bytes.")
    }
    hasBody = length > 0
    declaredLength = length
  }
}
