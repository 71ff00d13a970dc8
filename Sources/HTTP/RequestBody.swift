/// The body of a request as chunks of bytes, received while they are read.
///
/// The client is told to send (`100 Continue`) only when the first chunk is asked for. One reader at a time.
public struct RequestBody: AsyncSequence, Sendable {
  public typealias Element = [UInt8]
  public typealias Failure = HTTPError

  fileprivate enum Source: Sendable {
    case bytes([UInt8])
    case exchange(HTTPExchange)
  }

  private let source: Source
  /// The `Content-Length` in bytes, or nil when the client sends chunks of unknown total.
  public let declaredLength: UInt64?

  /// A body that is already in memory.
  public init(_ bytes: [UInt8]) {
    source = .bytes(bytes)
    declaredLength = UInt64(bytes.count)
  }

  init(of exchange: HTTPExchange, declaredLength: UInt64?) {
    source = .exchange(exchange)
    self.declaredLength = declaredLength
  }

  /// The whole body.
  ///
  /// Throws ``HTTPError`` 413 when it has more than `limit` bytes: at once, before the client sends it, if the request
  /// declares its length.
  public func collect(upTo limit: Int) async throws(HTTPError) -> [UInt8] {
    let refusal = HTTPError(.contentTooLarge, "The body has more than the \(limit) bytes that are allowed here.")
    if let declaredLength, declaredLength > UInt64(limit) { throw refusal }
    var collected: [UInt8] = []
    var chunks = makeAsyncIterator()
    while let chunk = try await chunks.next(isolation: nil) {
      guard collected.count + chunk.count <= limit else { throw refusal }
      collected += chunk
    }
    return collected
  }

  public func makeAsyncIterator() -> Iterator { Iterator(source: source) }

  public struct Iterator: AsyncIteratorProtocol {
    fileprivate var source: Source

    /// The next bytes, or nil at the end; throws ``HTTPError`` 499 when the client has gone or the task is cancelled.
    public mutating func next(isolation actor: isolated (any Actor)?) async throws(HTTPError) -> [UInt8]? {
      switch source {
      case .exchange(let exchange): return try await exchange.nextChunk()
      case .bytes(let bytes):
        source = .bytes([])
        return bytes.isEmpty ? nil : bytes
      }
    }

    public mutating func next() async throws(HTTPError) -> [UInt8]? { try await next(isolation: nil) }
  }
}
