import Cryptography
import Dispatch
import HTTP
import Synchronization

/// Computes hashes of passwords on a thread of its own, one after the other: they are made to be slow, and must not hold up anything else.
final class PasswordWork: Sendable {
  static let shared = PasswordWork()
  /// Some seconds of work; who comes later is told to come again.
  private static let mostWaiting = 64
  /// Compared where there is no account, so that the time it takes does not tell.
  private static let nobody = "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

  private let queue = DispatchQueue(label: "passwords")
  private let waiting = Mutex(0)

  func hash(_ password: String) async throws -> String {
    guard let hash = try await run({ PasswordHash.make(password) }) else { throw APIProblem.invalidField("password", "cannot be used") }
    return hash
  }

  /// - Parameter hash: nil takes as long and fits nothing.
  func fits(_ password: String, _ hash: String?) async throws -> Bool {
    let isEqual = try await run { PasswordHash.fits(password, hash ?? Self.nobody) }
    return isEqual && hash != nil
  }

  private func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws -> Value {
    let isFull = waiting.withLock { waiting in
      guard waiting < Self.mostWaiting else { return true }
      waiting += 1
      return false
    }
    guard !isFull else { throw APIProblem.unavailable("Too many passwords are being checked at the moment. Try again.") }
    defer { waiting.withLock { $0 -= 1 } }
    return await withCheckedContinuation { continuation in queue.async { continuation.resume(returning: work()) } }
  }
}
