import CMicroHTTPD
import Synchronization

/// Limits and address of a server.
public struct HTTPServerConfiguration: Sendable {
  /// A numeric IPv4 or IPv6 address.
  public var address = "127.0.0.1"
  /// 0 picks a free one.
  public var port: UInt16 = 0
  /// Threads that move bytes; at least 2, because a single one can stall.
  public var threads: UInt32 = 2
  /// Connections open at once; further ones wait in the kernel's queue.
  public var connectionLimit: UInt32 = 4096
  /// Connections of one client address; raise it behind a proxy.
  public var connectionLimitPerAddress: UInt32 = 1024
  /// Whole seconds without a byte from the client, or to it, after which its connection is closed.
  public var idleTimeout: Duration = .seconds(30)
  /// Bytes for the head of a request; a larger one is answered with 431 or 414.
  public var headLimitBytes = 64 * 1024
  /// Bytes that wait between a client and a handler, in each direction.
  public var bufferBytes = 256 * 1024
  /// How often connections whose handler works are checked for a client that has gone.
  public var disconnectCheckInterval: Duration = .milliseconds(500)

  public init() {}
}

/// Why a server did not start.
public struct HTTPServerError: Error, Equatable, CustomStringConvertible {
  public let address: String
  public let port: UInt16

  public var description: String {
    "Could not listen on \(address) port \(port). Check that the address is numeric and local, and that the port is free."
  }
}

/// An HTTP/1.1 server; every request runs its handler in a task of its own, cancelled when the client goes away.
public final class HTTPServer: Sendable {
  private let core: HTTPServerCore
  /// The port that is listened on.
  public let port: UInt16

  /// Starts to listen; throws ``HTTPServerError`` when the address cannot be bound.
  public init(
    _ configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
    handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse
  ) throws(HTTPServerError) {
    core = HTTPServerCore(configuration, handler)
    port = try core.start()
  }

  /// Starts a server that answers by a router.
  public convenience init(
    _ configuration: HTTPServerConfiguration = HTTPServerConfiguration(), router: Router
  ) throws(HTTPServerError) {
    try self.init(configuration) { request in await router.respond(to: request) }
  }

  deinit { core.stop() }

  /// How many requests are being received, handled or answered.
  public var activeRequests: Int { core.activeCount }

  /// Stops accepting, lets running requests end, closes endless streams at once, and cancels what still runs after
  /// `limit`; returns when the server has stopped.
  public func drain(within limit: Duration) async {
    core.beginDrain()
    await core.waitUntilIdle(upTo: limit)
    core.stop()
  }
}

/// The state that the callbacks of libmicrohttpd share.
final class HTTPServerCore: Sendable {
  private struct Contents {
    var exchanges: [ObjectIdentifier: HTTPExchange] = [:]
    var endlessStreams: Set<ObjectIdentifier> = []
    var daemon: UInt = 0
    var listener: Int32 = -1
    var isDraining = false
    var watch: Task<Void, Never>?
  }

  let configuration: HTTPServerConfiguration
  let handler: @Sendable (HTTPRequest) async -> HTTPResponse
  private let contents = Mutex(Contents())

  init(_ configuration: HTTPServerConfiguration, _ handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse) {
    self.configuration = configuration
    self.handler = handler
  }

  func start() throws(HTTPServerError) -> UInt16 {
    precondition(configuration.threads >= 2, "a server with one thread can stall: give it at least 2")
    let daemon = configuration.address.withCString { address in
      var settings = microhttpd_settings()
      settings.address = address
      settings.port = configuration.port
      settings.threads = configuration.threads
      settings.connections = configuration.connectionLimit
      settings.connections_per_address = configuration.connectionLimitPerAddress
      settings.timeout_seconds = UInt32(max(1, configuration.idleTimeout.components.seconds))
      settings.memory_per_connection = configuration.headLimitBytes
      // The daemon borrows the core: HTTPServer owns it and stops the daemon before it goes.
      settings.context = Unmanaged.passUnretained(self).toOpaque()
      settings.begin = beginExchange
      settings.handle = advanceExchange
      settings.complete = finishExchange
      return microhttpd_start(&settings)
    }
    guard let daemon else { throw HTTPServerError(address: configuration.address, port: configuration.port) }
    let interval = configuration.disconnectCheckInterval
    let watch = Task { [weak self] in
      while (try? await Task.sleep(for: interval)) != nil, let self { self.abandonDisconnected() }
    }
    contents.withLock {
      $0.daemon = UInt(bitPattern: daemon)
      $0.watch = watch
    }
    return microhttpd_port(daemon)
  }

  var activeCount: Int { contents.withLock { $0.exchanges.count } }
  var isDraining: Bool { contents.withLock { $0.isDraining } }

  func add(_ exchange: HTTPExchange) {
    contents.withLock { $0.exchanges[ObjectIdentifier(exchange)] = exchange }
  }

  func remove(_ exchange: HTTPExchange) {
    contents.withLock {
      $0.exchanges[ObjectIdentifier(exchange)] = nil
      $0.endlessStreams.remove(ObjectIdentifier(exchange))
    }
  }

  /// False when the server drains already and the stream must not begin.
  func addEndlessStream(_ exchange: HTTPExchange) -> Bool {
    contents.withLock { contents in
      guard !contents.isDraining else { return false }
      contents.endlessStreams.insert(ObjectIdentifier(exchange))
      return true
    }
  }

  private var exchanges: [HTTPExchange] { contents.withLock { Array($0.exchanges.values) } }

  private func abandonDisconnected() {
    for exchange in exchanges { exchange.abandonIfPeerClosed() }
  }

  func beginDrain() {
    let streams = contents.withLock { contents in
      guard !contents.isDraining, let daemon = OpaquePointer(bitPattern: contents.daemon) else { return [HTTPExchange]() }
      contents.isDraining = true
      contents.listener = MHD_quiesce_daemon(daemon)
      return contents.endlessStreams.compactMap { contents.exchanges[$0] }
    }
    for stream in streams { stream.endStream() }
  }

  func waitUntilIdle(upTo limit: Duration) async {
    let deadline = ContinuousClock.now + limit
    while activeCount > 0, ContinuousClock.now < deadline {
      do { try await Task.sleep(for: .milliseconds(10)) } catch { return }
    }
  }

  /// Resumes and closes every exchange that is left, then stops: the library forbids stopping with suspended connections.
  func stop() {
    beginDrain()
    for exchange in exchanges { exchange.abandon() }
    let (daemon, listener, watch) = contents.withLock { contents in
      defer { contents.daemon = 0 }
      return (contents.daemon, contents.listener, contents.watch)
    }
    guard let daemon = OpaquePointer(bitPattern: daemon) else { return }
    watch?.cancel()
    MHD_stop_daemon(daemon)
    if listener >= 0 { close(listener) }
  }
}
