import Foundation

extension HTTPResponse {
  /// A file as a response that knows ranges and validators: 200, 206, 304, 412 or 416 (RFC 9110 sections 13 and 14).
  ///
  /// - Parameters:
  ///   - entityTag: the strong validator with its quotes, or nil for none.
  ///   - lastModified: when the file changed last, or nil for none; counted in whole seconds.
  ///
  /// Throws ``HTTPError`` 404 when the file is not there.
  public static func file(
    at path: String, contentType: String, entityTag: String? = nil, lastModified: Date? = nil, for request: HTTPRequest
  ) throws(HTTPError) -> HTTPResponse {
    guard let length = regularFileLength(path) else {
      throw HTTPError(.notFound, "The file of this resource is not there any more.")
    }
    return ranged(length: length, contentType: contentType, entityTag: entityTag, lastModified: lastModified, for: request) { range in
      .file(FileRegion(path: path, offset: range.lowerBound, length: range.upperBound - range.lowerBound))
    }
  }

  /// Something of `length` bytes as a response that knows ranges and validators, as ``file(at:contentType:entityTag:lastModified:for:)``.
  ///
  /// - Parameter body: gives the bytes of a range.
  public static func ranged(
    length: UInt64, contentType: String, entityTag: String? = nil, lastModified: Date? = nil, for request: HTTPRequest,
    body: (Range<UInt64>) -> Body
  ) -> HTTPResponse {
    var headers: HTTPHeaders = ["Accept-Ranges": "bytes"]
    let validators = FileValidators(entityTag: entityTag, lastModified: lastModified)
    headers["ETag"] = entityTag
    headers["Last-Modified"] = validators.lastModified.map(HTTPDate.format)
    switch validators.outcome(of: request) {
    case .failed: return HTTPError(.preconditionFailed, "The file is not the one that the request is about. Ask for it anew.").response
    case .unchanged: return HTTPResponse(.notModified, headers: headers)
    case .passed: break
    }
    headers["Content-Type"] = contentType
    let range = ByteRange(header: validators.range(of: request), length: length)
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
}
