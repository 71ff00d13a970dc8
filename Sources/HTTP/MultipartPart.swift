extension MultipartParser.Part {
  /// Reads the header lines of a part, without the empty line; throws ``HTTPError`` 400.
  init(head: ArraySlice<UInt8>, maximumFields: Int) throws(HTTPError) {
    var headers = HTTPHeaders()
    for line in Self.lines(head) {
      guard let colon = line.firstIndex(of: 0x3A), colon > line.startIndex,
        line[..<colon].allSatisfy(HTTPHeaders.isTokenByte),
        let value = String(validating: line[(colon + 1)...], as: UTF8.self)
      else { throw HTTPError(.badRequest, "A header line of a multipart part is malformed.") }
      headers.add(String(decoding: line[..<colon], as: UTF8.self), trimmed(value))
    }
    guard headers.fields.count <= maximumFields else {
      throw HTTPError(.badRequest, "A multipart part has more than \(maximumFields) header lines.")
    }
    guard let disposition = headers["Content-Disposition"].flatMap(HeaderParameters.init),
      HTTPHeaders.sameName(disposition.value, "form-data"), let name = disposition["name"]
    else { throw HTTPError(.badRequest, "A multipart part has no Content-Disposition of form-data with a name.") }
    self.init(headers: headers, name: name, fileName: disposition["filename"])
  }

  private static func lines(_ head: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var rest = head
    while let end = rest.indices.first(where: { rest[$0] == 0x0D && $0 + 1 < rest.endIndex && rest[$0 + 1] == 0x0A }) {
      lines.append(rest[..<end])
      rest = rest[(end + 2)...]
    }
    if !rest.isEmpty { lines.append(rest) }
    return lines
  }
}
