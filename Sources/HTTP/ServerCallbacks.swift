import CMicroHTTPD

// The functions libmicrohttpd calls on its own threads. None of them blocks: a thread serves all its connections.

/// The request line has been read: makes the exchange, which lives until ``finishExchange(_:_:_:_:)``.
func beginExchange(
  _ context: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
  guard let context, let target, let connection else { return nil }
  let core = Unmanaged<HTTPServerCore>.fromOpaque(context).takeUnretainedValue()
  let exchange = HTTPExchange(
    connection: connection, target: String(validatingCString: target), bufferBytes: core.configuration.bufferBytes)
  core.add(exchange)
  return Unmanaged.passRetained(PendingExchange(exchange)).toOpaque()
}

/// The library asks what to do: after the head, with body bytes, at the end of the body, and after every resume.
func advanceExchange(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _: UnsafePointer<CChar>?,
  _ method: UnsafePointer<CChar>?, _: UnsafePointer<CChar>?, _ bytes: UnsafePointer<CChar>?,
  _ count: UnsafeMutablePointer<Int>?, _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
  guard let context, let connection, let method, let count, let pointer = slot?.pointee else { return microhttpd_result(0) }
  let core = Unmanaged<HTTPServerCore>.fromOpaque(context).takeUnretainedValue()
  let pending = Unmanaged<PendingExchange>.fromOpaque(pointer).takeUnretainedValue()
  if !pending.hasBegun {
    pending.hasBegun = true
    beginHandling(pending.exchange, method: String(cString: method), connection, core)
  }
  let verdict: ExchangeState.Verdict
  var reply: PreparedReply?
  if count.pointee > 0 {
    let consumed: Int
    (verdict, reply, consumed) = pending.exchange.receive(UnsafeRawBufferPointer(start: bytes, count: count.pointee))
    count.pointee -= consumed
  } else {
    (verdict, reply) = pending.exchange.advance()
  }
  if core.isDraining { reply?.headers["Connection"] = "close" }
  switch verdict {
  case .proceed, .suspend: return microhttpd_result(1)
  case .abort: return microhttpd_result(0)
  case .reply:
    let exchange = Unmanaged.passUnretained(pending.exchange).toOpaque()
    return microhttpd_result(reply?.queue(on: connection, exchange: exchange) == true ? 1 : 0)
  case .replyEarly:
    reply?.sendEarly(on: connection)
    return microhttpd_result(1)
  }
}

/// The request is over, answered or not; called exactly once for each exchange.
func finishExchange(
  _ context: UnsafeMutableRawPointer?, _: OpaquePointer?, _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
  _: MHD_RequestTerminationCode
) {
  guard let context, let pointer = slot?.pointee else { return }
  slot?.pointee = nil
  let exchange = Unmanaged<PendingExchange>.fromOpaque(pointer).takeRetainedValue().exchange
  exchange.finish()
  Unmanaged<HTTPServerCore>.fromOpaque(context).takeUnretainedValue().remove(exchange)
}

/// Fills the library's buffer with the next bytes of a streamed body.
func readResponseBody(
  _ context: UnsafeMutableRawPointer?, _: UInt64, _ target: UnsafeMutablePointer<CChar>?, _ size: Int
) -> Int {
  guard let context else { return microhttpd_end_with_error() }
  let exchange = Unmanaged<HTTPExchange>.fromOpaque(context).takeUnretainedValue()
  return exchange.read(into: UnsafeMutableRawBufferPointer(start: target, count: size))
}

/// An exchange and whether its handler was started; touched only by the one thread of its connection.
final class PendingExchange {
  let exchange: HTTPExchange
  var hasBegun = false

  init(_ exchange: HTTPExchange) { self.exchange = exchange }
}

private func beginHandling(
  _ exchange: HTTPExchange, method: String, _ connection: OpaquePointer, _ core: HTTPServerCore
) {
  let headers = requestHeaders(connection)
  do throws(HTTPError) {
    let framing = try RequestFraming(headers)
    guard let target = exchange.target else { throw HTTPError(.badRequest, "The request target is not UTF-8 text.") }
    let request = try HTTPRequest(
      method: HTTPMethod(rawValue: method), target: target, headers: headers, remoteAddress: clientAddress(connection),
      body: framing.hasBody ? RequestBody(of: exchange, declaredLength: framing.declaredLength) : RequestBody([]))
    exchange.begin(
      hasBody: framing.hasBody, declaredLength: framing.declaredLength,
      expectsContinue: headers.contains(token: "100-continue", in: "Expect"))
    exchange.setTask(Task { await handle(request, exchange, core) })
  } catch {
    refuse(exchange, error)
  }
}

/// A request that cannot be understood is answered without its body, whose end is unknown; the connection closes.
private func refuse(_ exchange: HTTPExchange, _ error: HTTPError) {
  var response = error.response
  response.headers["Connection"] = "close"
  // A body of bytes opens nothing, so preparing it cannot fail.
  if let reply = try? PreparedReply(response) { exchange.complete(with: reply) }
}

private func handle(_ request: HTTPRequest, _ exchange: HTTPExchange, _ core: HTTPServerCore) async {
  let response = await core.handler(request)
  do {
    exchange.complete(with: try PreparedReply(response))
  } catch {
    refuse(exchange, error)
    return
  }
  guard case .stream(let stream) = response.body, request.method != .head else { return }
  guard !stream.endsOnDrain || core.addEndlessStream(exchange) else {
    exchange.completeDownload(failed: false)
    return
  }
  do {
    try await stream.produce(ResponseWriter(exchange: exchange))
    exchange.completeDownload(failed: false)
  } catch {
    exchange.completeDownload(failed: true)
  }
}

private func requestHeaders(_ connection: OpaquePointer) -> HTTPHeaders {
  var headers = HTTPHeaders()
  withUnsafeMutablePointer(to: &headers) { pointer in
    microhttpd_each_header(connection, collectHeader, pointer)
  }
  return headers
}

private func collectHeader(
  _ context: UnsafeMutableRawPointer?, _: MHD_ValueKind, _ name: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?
) -> MHD_Result {
  guard let context, let name else { return microhttpd_result(0) }
  // The context is the headers that the one caller passes together with this function.
  context.assumingMemoryBound(to: HTTPHeaders.self).pointee
    .add(String(cString: name), value.map { String(cString: $0) } ?? "")
  return microhttpd_result(1)
}

private func clientAddress(_ connection: OpaquePointer) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
    guard let start = text.baseAddress, microhttpd_client(connection, start, socklen_t(text.count)) >= 0 else { return "" }
    return String(cString: start)
  }
}
