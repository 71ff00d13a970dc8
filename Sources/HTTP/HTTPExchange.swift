import CMicroHTTPD
import Synchronization

/// One request and its response: the meeting point of the server's thread and the handler's task.
///
/// Suspending and resuming a connection, and every decision that leads there, happen under one lock: otherwise a resume
/// could come before its suspend and be lost.
final class HTTPExchange: Sendable {
  struct Contents {
    var state: ExchangeState
    var download: ByteBuffer
    var isSuspended = false
    var reply: PreparedReply?
    var isDownloadComplete = false
    var downloadFailed = false
    var task: Task<Void, Never>?
    var bodyWaiter: CheckedContinuation<Void, Never>?
    var writerWaiter: CheckedContinuation<Void, Never>?
  }

  /// The connection of libmicrohttpd, valid until ``finish()``, as a number because pointers are not Sendable.
  private let connection: UInt
  private let socket: Int32
  let target: String?
  private let contents: Mutex<Contents>

  init(connection: OpaquePointer, target: String?, bufferBytes: Int) {
    self.connection = UInt(bitPattern: connection)
    self.target = target
    socket = microhttpd_socket(connection)
    contents = Mutex(
      Contents(state: ExchangeState(bufferBytes: bufferBytes), download: ByteBuffer(capacity: bufferBytes)))
  }

  /// Resumes the connection if it is suspended. Call with the lock held.
  private func resume(_ contents: inout Contents) {
    guard contents.isSuspended else { return }
    contents.isSuspended = false
    MHD_resume_connection(OpaquePointer(bitPattern: connection))
  }

  private func suspend(_ contents: inout Contents) {
    contents.isSuspended = true
    MHD_suspend_connection(OpaquePointer(bitPattern: connection))
  }

  private static func wake(_ waiter: inout CheckedContinuation<Void, Never>?) {
    waiter?.resume()
    waiter = nil
  }
}

// The server's thread.
extension HTTPExchange {
  func begin(hasBody: Bool, declaredLength: UInt64?, expectsContinue: Bool) {
    contents.withLock {
      $0.state.begin(hasBody: hasBody, declaredLength: declaredLength, expectsContinue: expectsContinue)
    }
  }

  func setTask(_ task: Task<Void, Never>) {
    let isClosed = contents.withLock { contents in
      contents.task = task
      return contents.state.isClosed
    }
    if isClosed { task.cancel() }
  }

  /// What to do next, with the reply if it is time to send it; a suspend has been performed already.
  func advance() -> (ExchangeState.Verdict, PreparedReply?) {
    contents.withLock { contents in
      let verdict = contents.state.advance()
      if contents.state.phase == .complete { Self.wake(&contents.bodyWaiter) }
      return (verdict, perform(verdict, &contents))
    }
  }

  func receive(_ bytes: UnsafeRawBufferPointer) -> (ExchangeState.Verdict, PreparedReply?, consumed: Int) {
    contents.withLock { contents in
      let (verdict, consumed) = contents.state.receive(bytes)
      if !contents.state.upload.isEmpty { Self.wake(&contents.bodyWaiter) }
      return (verdict, perform(verdict, &contents), consumed)
    }
  }

  private func perform(_ verdict: ExchangeState.Verdict, _ contents: inout Contents) -> PreparedReply? {
    switch verdict {
    case .proceed, .abort: return nil
    case .suspend:
      suspend(&contents)
      return nil
    case .reply, .replyEarly:
      defer { contents.reply = nil }
      contents.state.reply = .taken
      return contents.reply
    }
  }

  /// Body bytes of a streamed response: their number, 0 after a suspend, nil at the end, and whether the end is a failure.
  func read(into target: UnsafeMutableRawBufferPointer) -> Int {
    contents.withLock { contents in
      if contents.state.isClosed { return microhttpd_end_with_error() }
      let taken = contents.download.take(into: target)
      if taken > 0 {
        if contents.download.count <= contents.download.capacity / 2 { Self.wake(&contents.writerWaiter) }
        return taken
      }
      if contents.downloadFailed { return microhttpd_end_with_error() }
      if contents.isDownloadComplete { return microhttpd_end_of_stream() }
      suspend(&contents)
      return 0
    }
  }

  /// The connection is done with this exchange and must not be touched again.
  func finish() {
    let (task, reply) = contents.withLock { contents in
      contents.isSuspended = false
      closeState(&contents)
      defer { contents.reply = nil }
      return (contents.task, contents.reply)
    }
    reply?.discard()
    task?.cancel()
  }

  private func closeState(_ contents: inout Contents) {
    contents.state.close()
    Self.wake(&contents.bodyWaiter)
    Self.wake(&contents.writerWaiter)
  }
}

// Any thread.
extension HTTPExchange {
  /// Gives the connection up if the client has closed its side while the connection was suspended, which the library
  /// does not notice.
  func abandonIfPeerClosed() {
    let hasGone = contents.withLock { $0.isSuspended && microhttpd_peer_closed(socket) != 0 }
    if hasGone { abandon() }
  }

  /// Cancels the handler and closes the connection.
  func abandon() {
    let task = contents.withLock { contents in
      closeState(&contents)
      resume(&contents)
      return contents.task
    }
    task?.cancel()
  }

  /// Ends a stream that has no end of its own, cleanly: the client has everything written so far and sees the end.
  func endStream() {
    let task = contents.withLock { contents in
      contents.isDownloadComplete = true
      resume(&contents)
      Self.wake(&contents.writerWaiter)
      return contents.task
    }
    task?.cancel()
  }

  /// The handler has answered.
  func complete(with reply: PreparedReply) {
    let isTooLate = contents.withLock { contents in
      guard !contents.state.isClosed else { return true }
      contents.reply = reply
      contents.state.reply = .ready(isBuffered: reply.isBuffered)
      resume(&contents)
      return false
    }
    if isTooLate { reply.discard() }
  }

  /// The producer of a streamed body has returned, or thrown.
  func completeDownload(failed: Bool) {
    contents.withLock { contents in
      if !contents.isDownloadComplete { contents.downloadFailed = failed }
      contents.isDownloadComplete = true
      resume(&contents)
    }
  }

  func nextChunk() async throws(HTTPError) -> [UInt8]? {
    while true {
      let (chunk, isAtEnd) = try takeChunk()
      if let chunk { return chunk }
      if isAtEnd { return nil }
      await wait(at: \.bodyWaiter) { !$0.state.upload.isEmpty || $0.state.phase == .complete }
    }
  }

  private func takeChunk() throws(HTTPError) -> (chunk: [UInt8]?, isAtEnd: Bool) {
    let isCancelled = Task.isCancelled
    return try contents.withLock { contents throws(HTTPError) in
      guard !contents.state.isClosed, !isCancelled else {
        throw HTTPError(.clientClosedRequest, "The client closed the connection before its request was complete.")
      }
      contents.state.isBodyWanted = true
      let chunk = contents.state.upload.isEmpty ? nil : contents.state.upload.takeAll()
      if contents.state.phase != .complete { resume(&contents) }
      return (chunk, contents.state.phase == .complete)
    }
  }

  /// Adds to a streamed body, waiting while the buffer is full.
  func write(_ bytes: [UInt8]) async throws {
    var sent = 0
    while sent < bytes.count {
      try Task.checkCancellation()
      let accepted = try contents.withLock { contents in
        guard !contents.state.isClosed, !contents.isDownloadComplete else { throw CancellationError() }
        let accepted = bytes.withUnsafeBytes { contents.download.append(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
        resume(&contents)
        return accepted
      }
      sent += accepted
      if sent < bytes.count { await wait(at: \.writerWaiter) { !$0.download.isFull || $0.isDownloadComplete } }
    }
  }

  /// Waits until woken, unless the condition or the end of the exchange is there already.
  private func wait(
    at waiter: WritableKeyPath<Contents, CheckedContinuation<Void, Never>?> & Sendable,
    until isReady: @Sendable (Contents) -> Bool
  ) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        contents.withLock { contents in
          if isReady(contents) || contents.state.isClosed || Task.isCancelled {
            continuation.resume()
          } else {
            contents[keyPath: waiter] = continuation
          }
        }
      }
    } onCancel: {
      contents.withLock { Self.wake(&$0[keyPath: waiter]) }
    }
  }
}

/// Where the producer of a streamed body writes.
public struct ResponseWriter: Sendable {
  let exchange: HTTPExchange

  /// Sends bytes, waiting while 256 KiB wait for the client; throws `CancellationError` when the client has gone.
  public func write(_ bytes: [UInt8]) async throws { try await exchange.write(bytes) }
}
