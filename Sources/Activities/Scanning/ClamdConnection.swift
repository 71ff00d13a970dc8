import Foundation
import Synchronization

/// Where clamd listens.
public enum ClamdAddress: Sendable, Equatable {
  case tcp(host: String, port: UInt16)
  case unix(path: String)

  /// Reads `host:port`, `[::1]:port` or the path of a socket, which begins with a slash; nil for anything else.
  public init?(_ text: String) {
    if text.hasPrefix("/") {
      // The size of a socket address's path, with its NUL.
      guard text.utf8.count < 108 else { return nil }
      self = .unix(path: text)
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else { return nil }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) } else if host.contains(":") { return nil }
    guard !host.isEmpty else { return nil }
    self = .tcp(host: host, port: port)
  }
}

/// One conversation with clamd. Waits where it holds up nothing else.
final class ClamdConnection: Sendable {
  /// For a byte to go out.
  private static let sendPatience = 60
  private let descriptor: Int32

  /// - Throws: `ScanError` when nobody listens there.
  init(_ address: ClamdAddress) throws(ScanError) {
    descriptor =
      switch address {
      case .unix(let path): try Self.connect(toSocket: path)
      case .tcp(let host, let port): try Self.connect(to: host, port)
      }
    var limit = timeval(tv_sec: Self.sendPatience, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    // Short, so that who waits for an answer can be cancelled.
    var slice = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &slice, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  private static func connect(toSocket path: String) throws(ScanError) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let isConnected =
      socket >= 0
      && withUnsafePointer(to: &address) { pointer in
        // Every socket address begins with the fields of sockaddr; connect reads its family first.
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(socket, $0, size) == 0 }
      }
    guard isConnected else { throw refused(socket, "at \(path)") }
    return socket
  }

  private static func connect(to host: String, _ port: UInt16) throws(ScanError) -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &found) == 0, let first = found else {
      throw ScanError("the virus scanner's host \(host) is not known")
    }
    defer { freeaddrinfo(first) }
    var socket: Int32 = -1
    var candidate: UnsafeMutablePointer<addrinfo>? = first
    while let address = candidate?.pointee {
      socket = Glibc.socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), address.ai_protocol)
      if socket >= 0, Glibc.connect(socket, address.ai_addr, address.ai_addrlen) == 0 { return socket }
      candidate = address.ai_next
      if candidate != nil, socket >= 0 { close(socket) }
    }
    throw refused(socket, "at \(host) port \(port)")
  }

  private static func refused(_ socket: Int32, _ place: String) -> ScanError {
    let reason = String(cString: strerror(errno))
    if socket >= 0 { close(socket) }
    return ScanError("the virus scanner \(place) cannot be reached: \(reason)")
  }

  /// Returns false when the other side takes no more.
  @discardableResult
  func send(_ bytes: [UInt8]) async throws -> Bool {
    try Task.checkCancellation()
    return try await offPool {
      var sent = 0
      while sent < bytes.count {
        let result = bytes.withUnsafeBytes {
          Glibc.send(self.descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
        }
        if result < 0 && errno == EINTR { continue }
        if result < 0 && (errno == EPIPE || errno == ECONNRESET) { return false }
        guard result > 0 else { throw ScanError("the virus scanner takes no more bytes: \(String(cString: strerror(errno)))") }
        sent += result
      }
      return true
    }
  }

  /// The answer without its last byte, a NUL.
  /// - Throws: `ScanError` when none comes in time, `CancellationError`.
  func answer(within limit: Duration) async throws -> String {
    let deadline = ContinuousClock.now + limit
    var bytes: [UInt8] = []
    while ContinuousClock.now < deadline {
      try Task.checkCancellation()
      guard let more = try await offPool({ try self.receive() }) else { continue }
      bytes += more
      if let end = bytes.firstIndex(of: 0) { return String(decoding: bytes[..<end], as: UTF8.self) }
      guard !more.isEmpty, bytes.count <= 4096 else { break }
    }
    throw ScanError("the virus scanner gave no answer")
  }

  /// What has come; nothing at the end, nil when nothing came for a while.
  private func receive() throws(ScanError) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
    if count < 0 {
      guard errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK else {
        throw ScanError("the virus scanner ended the connection: \(String(cString: strerror(errno)))")
      }
      return nil
    }
    return Array(buffer.prefix(count))
  }
}
