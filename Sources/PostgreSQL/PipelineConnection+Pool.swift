import CPostgreSQL
import Foundation

/// What the reactor needs beyond transactions: notifications, scripts, cancellation.
extension PipelineConnection {
  /// Notifications that have arrived with the input taken by `receive`.
  func takeNotifications() -> [(channel: String, payload: String)] {
    var taken: [(channel: String, payload: String)] = []
    while let notification = PQnotifies(raw) {
      taken.append((String(cString: notification.pointee.relname), String(cString: notification.pointee.extra)))
      PQfreemem(notification)
    }
    return taken
  }

  /// True when a transaction was begun and not ended, as of the last reply.
  var isInsideTransaction: Bool {
    let status = PQtransactionStatus(raw)
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
  }

  /// The right to cancel what runs here, usable from another thread; nil when the connection is gone.
  func cancellation() -> StatementCancellation? {
    PQgetCancel(raw).map(StatementCancellation.init)
  }
}

/// A copy of what a cancel request needs; libpq documents it as safe to use from any thread.
// The pointer is only read by `send`, and freed once, by deinit.
final class StatementCancellation: @unchecked Sendable {
  private let raw: OpaquePointer

  init(_ raw: OpaquePointer) { self.raw = raw }

  deinit { PQfreeCancel(raw) }

  /// Blocks until the server took the request; a failure is left to the closing of the connection.
  func send() {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
      _ = PQcancel(raw, message.baseAddress, 256)
    }
  }
}
