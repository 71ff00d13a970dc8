import CMicroHTTPD
import Foundation

/// A response with everything opened that it needs, ready for the server's thread.
struct PreparedReply: Sendable {
  enum Payload: Sendable {
    case bytes([UInt8])
    /// An open file; whoever takes it out closes it.
    case descriptor(Int32, offset: UInt64, length: UInt64)
    case stream
  }

  let status: HTTPStatus
  var headers: HTTPHeaders
  let payload: Payload

  /// Opens the file of a file response; throws ``HTTPError`` 404 when it is not there.
  init(_ response: HTTPResponse) throws(HTTPError) {
    status = response.status
    var headers = response.headers
    for name in ["Content-Length", "Transfer-Encoding", "Date"] { headers[name] = nil }
    self.headers = headers
    switch response.body {
    case .empty: payload = .bytes([])
    case .bytes(let bytes): payload = .bytes(bytes)
    case .stream: payload = .stream
    case .file(let region): payload = try Self.open(region)
    }
  }

  private static func open(_ region: FileRegion) throws(HTTPError) -> Payload {
    let descriptor = Glibc.open(region.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw HTTPError(.notFound, "The file of this resource is not there any more.") }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, UInt64(status.st_size) >= region.offset else {
      close(descriptor)
      throw HTTPError(.notFound, "The file of this resource is not there any more.")
    }
    let rest = UInt64(status.st_size) - region.offset
    guard region.length ?? rest <= rest else {
      close(descriptor)
      throw HTTPError(.internalServerError, "The file of this resource is shorter than the server expected.")
    }
    return .descriptor(descriptor, offset: region.offset, length: region.length ?? rest)
  }

  var isBuffered: Bool {
    if case .bytes = payload { true } else { false }
  }

  /// Closes what was opened for a reply that is not sent.
  func discard() {
    if case .descriptor(let descriptor, _, _) = payload { close(descriptor) }
  }

  /// Hands the reply to libmicrohttpd; false closes the connection.
  func queue(on connection: OpaquePointer, exchange: UnsafeMutableRawPointer) -> Bool {
    guard let response = makeResponse(exchange) else {
      discard()
      return false
    }
    defer { MHD_destroy_response(response) }
    for field in headers.fields { MHD_add_response_header(response, field.name, field.value) }
    return microhttpd_queue(connection, UInt32(status.rawValue), response) != 0
  }

  private func makeResponse(_ exchange: UnsafeMutableRawPointer) -> OpaquePointer? {
    switch payload {
    case .bytes(let bytes): bytes.withUnsafeBytes { microhttpd_response_of_bytes($0.baseAddress, $0.count) }
    case .descriptor(let descriptor, let offset, let length):
      MHD_create_response_from_fd_at_offset64(length, descriptor, offset)
    case .stream: microhttpd_response_of_reader(readResponseBody, exchange)
    }
  }

  /// Sends a buffered reply past libmicrohttpd, while the client is still sending its body, and closes our side.
  ///
  /// The library has nothing in flight then. A reply that does not fit the socket's buffer is cut: the client is closing
  /// anyway.
  func sendEarly(on connection: OpaquePointer) {
    guard case .bytes(let body) = payload else { return }
    var head = "HTTP/1.1 \(status)\r\nDate: \(HTTPDate.format(Date()))\r\n"
    for field in headers.fields where !HTTPHeaders.sameName(field.name, "Connection") {
      head += "\(field.name): \(field.value)\r\n"
    }
    head += "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n"
    let bytes = Array(head.utf8) + body
    bytes.withUnsafeBytes { microhttpd_send_last(microhttpd_socket(connection), $0.baseAddress, $0.count) }
  }
}
