import CCurl
import Foundation
import Synchronization

/// One request of the client while it runs; everything but ``finish(_:)`` is called on the client's thread.
final class HTTPTransfer: Sendable {
  /// Where the body of the response goes.
  enum Sink: Sendable {
    case memory
    /// Only the body of a successful response; others are kept in memory.
    case file(path: String)
    case receiver(@Sendable (HTTPClientResponse, [UInt8]) throws -> Void)
  }

  private struct Contents {
    var headers = HTTPHeaders()
    var headerBytes = 0
    var status = 0
    var body: [UInt8] = []
    var receivedBytes = 0
    var sentBytes = 0
    var upload: Int32 = -1
    var download: Int32 = -1
    var failure: HTTPClientError?
    var continuation: CheckedContinuation<Result<HTTPClientResponse, HTTPClientError>, Never>?
    var result: Result<HTTPClientResponse, HTTPClientError>?
  }

  static let headerLimitBytes = 64 * 1024

  let request: HTTPClientRequest
  private let sink: Sink
  private let contents = Mutex(Contents())

  init(_ request: HTTPClientRequest, _ sink: Sink) {
    self.request = request
    self.sink = sink
  }

  func error(_ code: HTTPClientError.Code, _ detail: String) -> HTTPClientError {
    HTTPClientError(code: code, origin: Self.origin(of: request.url), detail: detail)
  }

  private static func origin(of url: String) -> String {
    guard let parts = URLComponents(string: url), let scheme = parts.scheme, let host = parts.host else { return "an invalid URL" }
    return "\(scheme)://\(host)\(parts.port.map { ":\($0)" } ?? "")"
  }

  /// The result, once ``finish(_:)`` has been called.
  func result() async -> Result<HTTPClientResponse, HTTPClientError> {
    await withCheckedContinuation { continuation in
      contents.withLock { contents in
        if let result = contents.result { continuation.resume(returning: result) } else { contents.continuation = continuation }
      }
    }
  }

  /// A transfer that was cancelled before the thread took it up must not begin.
  var isFinished: Bool { contents.withLock { $0.result != nil } }

  /// Ends the transfer; the first failure noted on the way wins over what libcurl made of it.
  func finish(_ outcome: HTTPClientError?) {
    contents.withLock { contents in
      guard contents.result == nil else { return }
      for descriptor in [contents.upload, contents.download] where descriptor >= 0 { close(descriptor) }
      let result: Result<HTTPClientResponse, HTTPClientError> =
        if let failure = contents.failure ?? outcome { .failure(failure) } else { .success(response(contents)) }
      contents.result = result
      contents.continuation?.resume(returning: result)
      contents.continuation = nil
    }
  }

  private func response(_ contents: Contents) -> HTTPClientResponse {
    HTTPClientResponse(status: HTTPStatus(rawValue: contents.status), headers: contents.headers, body: contents.body)
  }

  private func fail(_ contents: inout Contents, _ code: HTTPClientError.Code, _ detail: String) {
    if contents.failure == nil { contents.failure = error(code, detail) }
  }
}

// What libcurl calls while the transfer runs.
extension HTTPTransfer {
  /// The length of the body in bytes, or nil for none; opens the file.
  func openUpload() throws(HTTPClientError) -> Int64? {
    switch request.body {
    case .none: return [.post, .put, .patch].contains(request.method) ? 0 : nil
    case .bytes(let bytes): return Int64(bytes.count)
    case .file(let path):
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      var status = stat()
      guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
        throw error(.fileFailed, "the file to send cannot be opened (errno \(errno))")
      }
      contents.withLock { $0.upload = descriptor }
      return Int64(status.st_size)
    }
  }

  /// False gives the transfer up.
  func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
    let text = String(decoding: line, as: UTF8.self)
    return contents.withLock { contents in
      contents.headerBytes += line.count
      guard contents.headerBytes <= Self.headerLimitBytes else {
        fail(&contents, .tooLarge, "the head of the response has more than \(Self.headerLimitBytes) bytes")
        return false
      }
      if text.hasPrefix("HTTP/") {
        // Every informational response has a head of its own.
        contents.headers = HTTPHeaders()
        contents.status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
      } else if let colon = text.firstIndex(of: ":") {
        contents.headers.add(String(text[..<colon]), trimmed(text[text.index(after: colon)...].filter { !$0.isNewline }))
      }
      return true
    }
  }

  func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
    contents.withLock { contents in
      contents.receivedBytes += bytes.count
      guard contents.receivedBytes <= request.responseLimitBytes else {
        fail(&contents, .tooLarge, "the response has more than \(request.responseLimitBytes) bytes")
        return false
      }
      switch sink {
      case .file(let path) where HTTPStatus(rawValue: contents.status).isSuccess: return store(bytes, path, &contents)
      case .memory, .file: contents.body += bytes
      case .receiver(let receive):
        do { try receive(response(contents), Array(bytes)) } catch {
          fail(&contents, .receiverFailed, "the receiver refused the response: \(error)")
          return false
        }
      }
      return true
    }
  }

  private func store(_ bytes: UnsafeRawBufferPointer, _ path: String, _ contents: inout Contents) -> Bool {
    if contents.download < 0 { contents.download = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644) }
    var written = 0
    while written < bytes.count {
      let count = write(contents.download, bytes.baseAddress.map { $0 + written }, bytes.count - written)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        fail(&contents, .fileFailed, "the received bytes cannot be stored (errno \(errno))")
        return false
      }
      written += count
    }
    return true
  }

  /// The next bytes of the request's body; nil gives the transfer up.
  func send(into target: UnsafeMutableRawBufferPointer) -> Int? {
    contents.withLock { contents in
      if case .bytes(let bytes) = request.body {
        let count = min(target.count, bytes.count - contents.sentBytes)
        bytes.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[contents.sentBytes...].prefix(count))) }
        contents.sentBytes += count
        return count
      }
      guard contents.upload >= 0 else { return 0 }
      let count = read(contents.upload, target.baseAddress, target.count)
      if count < 0 { fail(&contents, .fileFailed, "the file to send cannot be read (errno \(errno))") }
      return count < 0 ? nil : count
    }
  }

  /// Goes to a place in the request's body, because a kept connection died and the request is sent again.
  func seek(to offset: Int64) -> Bool {
    contents.withLock { contents in
      contents.sentBytes = Int(offset)
      return contents.upload < 0 || lseek(contents.upload, off_t(offset), Int32(SEEK_SET)) >= 0
    }
  }

  /// Whether the address may be reached; notes the failure if not.
  func admits(_ address: IPAddress?) -> Bool {
    if let address, request.addressPolicy.allows(address) { return true }
    contents.withLock { fail(&$0, .addressForbidden, "its name leads to an address that may not be reached from here") }
    return false
  }
}
