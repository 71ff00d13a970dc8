import Foundation
import Testing

/// A connection whose bytes the test writes itself, with a time limit of ten seconds.
///
/// The waiting happens on a thread of its own: the cooperative threads are few and the server's handlers need them.
final class RawSocket: Sendable {
  private let descriptor: Int32

  init(port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = RawSocket.loopback(port)
    let result = withUnsafeBytes(of: &address) {
      $0.withMemoryRebound(to: sockaddr.self) { connect(descriptor, $0.baseAddress, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    try #require(result == 0, "errno \(errno)")
  }

  init(accepted descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  private func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in Thread { continuation.resume(returning: body()) }.start() }
  }

  /// How many bytes the other side took before it closed.
  @discardableResult
  func write(_ bytes: [UInt8]) async -> Int { await onThread { self.writeBlocking(bytes) } }

  func write(_ text: String) async { await write(Array(text.utf8)) }

  /// Everything until `end` has come, or the other side has closed.
  func readUntil(_ end: String) async -> String { await onThread { self.readBlocking(until: end) } }

  /// Everything until the other side closes.
  func readAll() async -> String { await onThread { self.readBlocking(until: nil) } }

  /// Reads and drops bytes until that many have come, or the other side closes; returns how many.
  func countAll(until limit: Int) async -> Int {
    await onThread {
      var buffer = [UInt8](repeating: 0, count: 1 << 20)
      var total = 0
      while total < limit, case let count = recv(self.descriptor, &buffer, buffer.count, 0), count > 0 { total += count }
      return total
    }
  }

  @discardableResult
  func writeBlocking(_ bytes: [UInt8]) -> Int {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        send(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { break }
      sent += count
    }
    return sent
  }

  func readBlocking(until end: String?) -> String {
    var text = ""
    var buffer = [UInt8](repeating: 0, count: 65536)
    while end.map({ !text.contains($0) }) ?? true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      text += String(decoding: buffer[..<count], as: UTF8.self)
    }
    return text
  }
}

/// Accepts one connection, reads a request head, writes a text and closes.
struct OneReplyServer {
  let port: UInt16

  init(_ reply: String) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = RawSocket.loopback(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutableBytes(of: &address) {
      $0.withMemoryRebound(to: sockaddr.self) { bytes in
        bind(listener, bytes.baseAddress, size) + listen(listener, 1) + getsockname(listener, bytes.baseAddress, &size)
      }
    }
    try #require(result == 0, "errno \(errno)")
    port = address.sin_port.bigEndian
    Thread {
      let connection = RawSocket(accepted: accept(listener, nil, nil))
      _ = connection.readBlocking(until: "\r\n\r\n")
      connection.writeBlocking(Array(reply.utf8))
      close(listener)
    }.start()
  }
}
