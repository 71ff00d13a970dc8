import Foundation
import Glibc
import HTTP
import Synchronization

@testable import Activities

/// Speaks generateContent's wire format and fails in every way that the real service is known to fail.
final class FaultyLyricsService: Sendable {
  enum Fault: Sendable {
    case none
    /// An HTTP error in Google's shape, with a Retry-After header and a RetryInfo detail where given.
    case error(Int, name: String, retryAfter: String? = nil, retryDelay: String? = nil)
    case errorPage(Int)
    /// Accepts the request and never answers.
    case hang
    /// The head of an answer, then a cut connection.
    case cutBody
    /// One byte at a time, slower than anybody waits.
    case slowBody
    /// The model's text, as STOP.
    case text(String)
    /// An answer that stopped for a reason, with no parts.
    case finish(String)
    case blockedPrompt(String)
    case raw(String)

    var isSilence: Bool {
      switch self {
      case .hang, .slowBody: true
      default: false
      }
    }
  }

  static let goodAnswer = #"{"lines":[{"startTime":100,"endTime":900,"text":"hello"}]}"#

  private let faults: Mutex<[Fault]>
  private let received = Mutex<[Data]>([])
  private let server = Mutex<HTTPServer?>(nil)

  /// Each request meets the next fault; the last one stays.
  init(_ faults: Fault...) throws {
    self.faults = Mutex(faults)
    let server = try HTTPServer { [weak self] request in await self?.answer(request) ?? HTTPResponse(.internalServerError) }
    self.server.withLock { $0 = server }
  }

  var baseURL: String { "http://127.0.0.1:\(server.withLock { $0?.port ?? 0 })" }
  var requests: [Data] { received.withLock { $0 } }

  private func answer(_ request: HTTPRequest) async -> HTTPResponse {
    let body = (try? await request.body.collect(upTo: 64 << 20)) ?? []
    received.withLock { $0.append(Data(body)) }
    let fault = faults.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
    switch fault {
    case .none: return Self.stop(Self.goodAnswer)
    case .error(let code, let name, let retryAfter, let retryDelay):
      return Self.error(code, name, retryAfter: retryAfter, retryDelay: retryDelay)
    case .errorPage(let code): return .text("<html>Bad gateway</html>", status: HTTPStatus(rawValue: code))
    case .hang:
      await Self.beSilent()
      return HTTPResponse(.internalServerError)
    case .cutBody: return Self.dripping(delay: .zero, thenFailing: true)
    case .slowBody: return Self.dripping(delay: .milliseconds(50), thenFailing: false)
    case .text(let text): return Self.stop(text)
    case .finish(let reason): return Self.raw(#"{"candidates":[{"content":{"role":"model"},"finishReason":"\#(reason)","index":0}]}"#)
    case .blockedPrompt(let reason): return Self.raw(#"{"promptFeedback":{"blockReason":"\#(reason)"}}"#)
    case .raw(let text): return Self.raw(text)
    }
  }

  private static func beSilent() async {
    // Ends when the client gives up, which cancels the handler: the wait is the fault itself.
    try? await Task.sleep(for: .seconds(3_600))
  }

  private static func raw(_ text: String) -> HTTPResponse { .json(Array(text.utf8)) }

  private static func stop(_ text: String) -> HTTPResponse {
    let thought = GenerateContentPart(text: "Let me listen.", thought: true)
    // Answers come in several parts, which only together are a document.
    let parts = [thought, GenerateContentPart(text: String(text.prefix(7))), GenerateContentPart(text: String(text.dropFirst(7)))]
    let candidate = GenerateContentResponse.Candidate(
      content: GenerateContent(role: "model", parts: parts), finishReason: "STOP", avgLogprobs: -0.5, index: 0)
    let response = GenerateContentResponse(candidates: [candidate], modelVersion: "faulty-1")
    return .json((try? JSONEncoder().encode(response)).map(Array.init) ?? [])
  }

  private static func error(_ code: Int, _ name: String, retryAfter: String?, retryDelay: String?) -> HTTPResponse {
    let details = retryDelay.map { [GoogleErrorResponse.Detail(type: GoogleErrorResponse.retryInfoType, retryDelay: $0)] }
    let document = GoogleErrorResponse(
      error: .init(code: code, message: "See https://example.com/quota?key=topsecret for more.", status: name, details: details))
    var response = HTTPResponse.json(
      (try? JSONEncoder().encode(document)).map(Array.init) ?? [], status: HTTPStatus(rawValue: code))
    response.headers["Retry-After"] = retryAfter
    return response
  }

  private static func dripping(delay: Duration, thenFailing: Bool) -> HTTPResponse {
    let bytes = Array(#"{"candidates":[{"content":{"parts":[{"text":"#.utf8)
    let stream = ResponseStream { writer in
      for byte in bytes {
        try await writer.write([byte])
        // The pause between the bytes is the fault itself.
        try await Task.sleep(for: delay)
      }
      if thenFailing { throw CancellationError() }
      await beSilent()
    }
    return HTTPResponse(.ok, headers: ["Content-Type": "application/json"], body: .stream(stream))
  }
}

/// Accepts connections and closes them at once, without a byte.
final class ClosingListener: Sendable {
  let port: UInt16
  private let socket: Int32

  init() throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = socket
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isListening else { throw CocoaError(.fileReadUnknown) }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread {
      while true {
        let client = accept(descriptor, nil, nil)
        guard client >= 0 else { return }
        close(client)
      }
    }
  }

  deinit { shutdown(socket, Int32(SHUT_RDWR)) }
}
