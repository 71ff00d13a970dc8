import CCurl
import Foundation
import Synchronization

/// A client for HTTP/1.1 and HTTP/2 on libcurl: one thread moves the bytes of all its transfers and keeps connections.
///
/// Redirects are not followed and proxies from the environment are not used. Cancelling a task aborts its transfer.
public final class HTTPClient: Sendable {
  private let engine: HTTPClientEngine

  public init() {
    engine = HTTPClientEngine()
    let engine = engine
    let thread = Thread { engine.run() }
    thread.name = "http-client"
    thread.start()
  }

  deinit { engine.stop() }

  /// The response with its body, up to the request's limit; throws ``HTTPClientError``.
  public func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
    try await perform(HTTPTransfer(request, .memory))
  }

  /// Stores the body of a successful response in a file, which is made or emptied; other bodies come with the response.
  ///
  /// What was stored before an error stays in the file.
  public func download(_ request: HTTPClientRequest, to path: String) async throws(HTTPClientError) -> HTTPClientResponse {
    try await perform(HTTPTransfer(request, .file(path: path)))
  }

  /// Gives the body to `receive` as it comes, with the status and headers; what it throws ends the transfer.
  ///
  /// It runs on the client's thread: while it works, all other transfers wait.
  public func send(
    _ request: HTTPClientRequest, receive: @escaping @Sendable (HTTPClientResponse, [UInt8]) throws -> Void
  ) async throws(HTTPClientError) -> HTTPClientResponse {
    try await perform(HTTPTransfer(request, .receiver(receive)))
  }

  private func perform(_ transfer: HTTPTransfer) async throws(HTTPClientError) -> HTTPClientResponse {
    let result = await withTaskCancellationHandler {
      engine.submit(.start(transfer))
      return await transfer.result()
    } onCancel: {
      engine.submit(.cancel(transfer))
    }
    return try result.get()
  }
}

/// The thread of a client and what it shares with the callers.
final class HTTPClientEngine: Sendable {
  enum Command: Sendable {
    case start(HTTPTransfer)
    case cancel(HTTPTransfer)
  }

  private struct Inbox {
    var commands: [Command] = []
    var isStopped = false
  }

  /// What the thread alone touches.
  private struct Running: ~Copyable {
    let multi: UnsafeMutableRawPointer
    var transfers: [UInt: HTTPTransfer] = [:]
    var handles: [ObjectIdentifier: UInt] = [:]
    var options: [UInt: KeptOptions] = [:]
  }

  private final class KeptOptions {
    let options: TransferOptions
    init(_ options: consuming TransferOptions) { self.options = options }
  }

  /// Must happen once, before any other call.
  private static let isInitialized = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// As a number because pointers are not Sendable; waking is the one call that other threads may make.
  private let multi: UInt
  private let inbox = Mutex(Inbox())

  init() {
    guard Self.isInitialized, let multi = curl_multi_init() else {
      // No input leads here: libcurl fails to start only without memory, and then nothing can go on.
      fatalError("libcurl cannot be initialized: out of memory")
    }
    self.multi = UInt(bitPattern: multi)
  }

  func submit(_ command: Command) {
    let isStopped = inbox.withLock { inbox in
      if !inbox.isStopped {
        inbox.commands.append(command)
        // Under the lock: the thread frees the handle after it has set `isStopped`.
        curl_multi_wakeup(UnsafeMutableRawPointer(bitPattern: multi))
      }
      return inbox.isStopped
    }
    if isStopped, case .start(let transfer) = command { transfer.finish(transfer.error(.cancelled, "the client is closed")) }
  }

  func stop() {
    inbox.withLock { inbox in
      guard !inbox.isStopped else { return }
      inbox.isStopped = true
      curl_multi_wakeup(UnsafeMutableRawPointer(bitPattern: multi))
    }
  }

  /// The thread: takes commands, moves bytes, reports what has ended, waits.
  func run() {
    guard let multi = UnsafeMutableRawPointer(bitPattern: multi) else { return }
    var running = Running(multi: multi)
    while runOnce(&running) {}
    for transfer in Array(running.transfers.values) { cancel(transfer, &running) }
    curl_multi_cleanup(multi)
  }

  private func runOnce(_ running: inout Running) -> Bool {
    let (commands, isStopped) = inbox.withLock { inbox in
      defer { inbox.commands = [] }
      return (inbox.commands, inbox.isStopped)
    }
    for command in commands {
      switch command {
      case .start(let transfer): start(transfer, &running)
      case .cancel(let transfer): cancel(transfer, &running)
      }
    }
    guard !isStopped else { return false }
    var count: Int32 = 0
    curl_multi_perform(running.multi, &count)
    reportFinished(&running)
    curl_multi_poll(running.multi, nil, 0, 60_000, nil)
    return true
  }

  private func start(_ transfer: HTTPTransfer, _ running: inout Running) {
    guard !transfer.isFinished else { return }
    guard let handle = curl_easy_init() else {
      return transfer.finish(transfer.error(.connectionFailed, "there is not enough memory"))
    }
    do throws(HTTPClientError) {
      running.options[UInt(bitPattern: handle)] = KeptOptions(try TransferOptions(transfer, handle))
    } catch {
      curl_easy_cleanup(handle)
      return transfer.finish(error)
    }
    running.transfers[UInt(bitPattern: handle)] = transfer
    running.handles[ObjectIdentifier(transfer)] = UInt(bitPattern: handle)
    curl_multi_add_handle(running.multi, handle)
  }

  private func cancel(_ transfer: HTTPTransfer, _ running: inout Running) {
    if let handle = running.handles[ObjectIdentifier(transfer)] { remove(handle, &running) }
    transfer.finish(transfer.error(.cancelled, "it was cancelled"))
  }

  private func reportFinished(_ running: inout Running) {
    var result = CURLE_OK
    while let handle = curl_next_done(running.multi, &result) {
      let transfer = running.transfers[UInt(bitPattern: handle)]
      let systemError = Int32(curl_get_long(handle, CURLINFO_OS_ERRNO))
      remove(UInt(bitPattern: handle), &running)
      transfer?.finish(result == CURLE_OK ? nil : transfer?.failure(of: result, systemError: systemError))
    }
  }

  private func remove(_ handle: UInt, _ running: inout Running) {
    guard let pointer = UnsafeMutableRawPointer(bitPattern: handle) else { return }
    curl_multi_remove_handle(running.multi, pointer)
    curl_easy_cleanup(pointer)
    running.options[handle] = nil
    if let transfer = running.transfers.removeValue(forKey: handle) { running.handles[ObjectIdentifier(transfer)] = nil }
  }
}

extension HTTPTransfer {
  /// What a result of libcurl means.
  func failure(of result: CURLcode, systemError: Int32) -> HTTPClientError {
    let text = String(cString: curl_easy_strerror(result))
    let code: HTTPClientError.Code =
      switch result {
      case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT: .invalidRequest
      case CURLE_COULDNT_RESOLVE_HOST: .nameNotResolved
      case CURLE_COULDNT_CONNECT: systemError == ECONNREFUSED ? .connectionRefused : .connectionFailed
      case CURLE_OPERATION_TIMEDOUT: .timedOut
      case CURLE_PARTIAL_FILE: .truncated
      case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR: .connectionLost
      case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM: .securityFailed
      case CURLE_READ_ERROR, CURLE_ABORTED_BY_CALLBACK, CURLE_WRITE_ERROR: .receiverFailed
      case CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_HTTP2_STREAM: .malformedResponse
      default: .connectionFailed
      }
    return error(code, text.prefix(1).lowercased() + text.dropFirst())
  }
}
