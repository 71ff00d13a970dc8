import Foundation

extension HTTPResponse {
  /// A file as a response that knows ranges and validators: 200, 206, 304 or 416 (RFC 9110 sections 13 and 14).
  ///
  /// - Parameter entityTag: the strong validator with its quotes, or nil for none; without it `If-Range` sends the whole.
  ///
  /// Throws ``HTTPError`` 404 when the file is not there.
  public static func file(
    at path: String, contentType: String, entityTag: String? = nil, for request: HTTPRequest
  ) throws(HTTPError) -> HTTPResponse {
    guard let length = regularFileLength(path) else {
      throw HTTPError(.notFound, "The file of this resource is not there any more.")
    }
    return ranged(length: length, contentType: contentType, entityTag: entityTag, for: request) { range in
      .file(FileRegion(path: path, offset: range.lowerBound, length: range.upperBound - range.lowerBound))
    }
  }

  /// Something of `length` bytes as a response that knows ranges and validators, as ``file(at:contentType:entityTag:for:)``.
  ///
  /// - Parameter body: gives the bytes of a range.
  public static func ranged(
    length: UInt64, contentType: String, entityTag: String? = nil, for request: HTTPRequest, body: (Range<UInt64>) -> Body
  ) -> HTTPResponse {
    var headers: HTTPHeaders = ["Accept-Ranges": "bytes"]
    headers["ETag"] = entityTag
    if let entityTag, matches(request.headers.values("If-None-Match"), entityTag) {
      return HTTPResponse(.notModified, headers: headers)
    }
    headers["Content-Type"] = contentType
    let range = ByteRange(header: rangeHeader(of: request, entityTag), length: length)
    headers["Content-Range"] = range.contentRange(length: length)
    switch range {
    case .whole: return HTTPResponse(headers: headers, body: body(0..<length))
    case .part(let bytes): return HTTPResponse(.partialContent, headers: headers, body: body(bytes.lowerBound..<bytes.upperBound + 1))
    case .unsatisfiable:
      var response = HTTPError(.rangeNotSatisfiable, "The file has \(length) bytes; ask for a range inside it.").response
      response.headers["Content-Range"] = range.contentRange(length: length)
      return response
    }
  }

  private static func regularFileLength(_ path: String) -> UInt64? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return UInt64(status.st_size)
  }

  private static func matches(_ values: [String], _ entityTag: String) -> Bool {
    values.contains { value in
      value.split(separator: ",").map { trimmed($0) }.contains { $0 == "*" || $0 == entityTag || $0 == "W/" + entityTag }
    }
  }

  /// The range counts only for GET, and only if the client's copy is still the current one (RFC 9110 section 13.1.5).
  private static func rangeHeader(of request: HTTPRequest, _ entityTag: String?) -> String? {
    guard request.method == .get else { return nil }
    if let condition = request.headers["If-Range"], condition != entityTag { return nil }
    return request.headers["Range"]
  }
}
