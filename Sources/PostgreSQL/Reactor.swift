import CProcess
import Foundation
import Glibc
import Synchronization

/// The thread that polls all connections of a ``Database``, and the way other threads talk to it.
final class Reactor: Sendable {
  enum Message: Sendable {
    case perform(DatabaseOperation)
    case cancel(UInt64)
    case release(Int)
    case connected(Int, Result<ConnectionHandover, DatabaseError>)
    case listen(ListenerRequest)
    case unlisten(UInt64)
    case listenerConnected(UInt64, Result<ConnectionHandover, DatabaseError>)
    case shutDown(CheckedContinuation<Void, Never>?)
  }

  private struct Inbox {
    var messages: [Message] = []
    /// After the thread ended nobody reads messages: they are answered at once.
    var isClosed = false
  }

  private let inbox = Mutex(Inbox())
  private let listenerIdentifiers = Atomic<UInt64>(0)
  let wakeDescriptor: Int32

  init() throws {
    wakeDescriptor = process_event_descriptor()
    guard wakeDescriptor >= 0 else {
      throw DatabaseError(.connectionFailed, "no event descriptor for the database thread: \(String(cString: strerror(errno)))")
    }
  }

  deinit { Glibc.close(wakeDescriptor) }

  func start(_ configuration: DatabaseConfiguration) {
    Self.detach(named: "database") { ReactorLoop(self, configuration).run() }
  }

  func newListenerIdentifier() -> UInt64 { listenerIdentifiers.add(1, ordering: .relaxed).newValue }

  func post(_ message: Message) {
    let (wakes, isClosed) = inbox.withLock { inbox in
      guard !inbox.isClosed else { return (false, true) }
      inbox.messages.append(message)
      return (inbox.messages.count == 1, false)
    }
    if isClosed { Self.refuse(message) }
    if wakes { wake() }
  }

  /// All messages so far, in order.
  func take() -> [Message] {
    var counter: UInt64 = 0
    _ = read(wakeDescriptor, &counter, 8)
    return inbox.withLock { inbox in
      defer { inbox.messages = [] }
      return inbox.messages
    }
  }

  /// Nothing is taken after this; late callers learn that the database was shut down.
  func close() {
    let rest = inbox.withLock { inbox in
      inbox.isClosed = true
      defer { inbox.messages = [] }
      return inbox.messages
    }
    for message in rest { Self.refuse(message) }
  }

  static let shutDownError = DatabaseError(.shutDown, "the database was shut down by this program")

  private func wake() {
    var one: UInt64 = 1
    _ = write(wakeDescriptor, &one, 8)
  }

  private static func refuse(_ message: Message) {
    switch message {
    case .perform(let operation): operation.finish(.failure(shutDownError))
    case .listen(let request): request.fail(shutDownError)
    case .shutDown(let continuation): continuation?.resume()
    case .cancel, .release, .connected, .unlisten, .listenerConnected: break
    }
  }

  /// A closure made here is nonisolated: it may run on any thread.
  static func detach(named name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread(block: body)
    thread.name = name
    thread.start()
  }
}

/// A connection on its way from the thread that made or used it to the thread that goes on with it.
// The sender keeps no reference after handing it over, so one thread at a time uses the connection.
struct ConnectionHandover: @unchecked Sendable {
  let connection: PipelineConnection

  /// Connects on a thread of its own: name resolution and slow hosts must not stall the other connections.
  static func connect(_ configuration: ConnectionConfiguration, then: @escaping @Sendable (Result<Self, DatabaseError>) -> Void) {
    Reactor.detach(named: "database connect") {
      do {
        then(.success(ConnectionHandover(connection: try PipelineConnection(configuration))))
      } catch let error as DatabaseError {
        then(.failure(error))
      } catch {
        then(.failure(DatabaseError(.connectionFailed, "\(error)")))
      }
    }
  }

  /// Asks the server to stop what the connection runs, then closes it; the server rolls back.
  func cancelAndClose() {
    let cancellation = connection.cancellation()
    Reactor.detach(named: "database cancel") {
      cancellation?.send()
      withExtendedLifetime(self) {}
    }
  }
}
