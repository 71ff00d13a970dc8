import Cryptography
import Dispatch
import Foundation
import HTTP
import Synchronization

/// What an account's texts must be like.
enum AccountTexts {
  static let passwordCharacters = 10

  /// Long passwords of which nobody needs to guess much.
  private static let common: Set<String> = [
    "1234567890", "12345678910", "0123456789", "0987654321", "password123", "password1234", "passwordpassword", "qwertyuiop", "1q2w3e4r5t",
    "iloveyou123", "administrator", "letmein1234", "welcome1234", "changeme123",
  ]

  /// An address as far as a text can tell: something on both sides of one `@`, without blanks.
  static func email(_ text: String) throws -> String {
    let clean = text.trimmingCharacters(in: .whitespaces)
    guard clean.utf8.count <= 254, clean.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
      clean.wholeMatch(of: /[^@,;<>"()\[\]\\]{1,64}@[A-Za-z0-9.\-]+\.[A-Za-z0-9\-]{2,}/) != nil
    else { throw invalid("email", "must be an email address of at most 254 ASCII characters") }
    return clean
  }

  static func username(_ text: String) throws -> String {
    guard text.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._\-]{1,38}[A-Za-z0-9]/) != nil else {
      throw invalid("username", "must have 3 to 40 letters, digits, dots, dashes or underscores, and begin and end with a letter or digit")
    }
    return text
  }

  /// 10 characters to 72 bytes; not one of the commonest, and not made of the name.
  static func password(_ text: String, username: String, email: String) throws -> String {
    guard text.count >= passwordCharacters else { throw invalid("password", "must have at least \(passwordCharacters) characters") }
    guard text.utf8.count <= PasswordHash.passwordBytes, !text.utf8.contains(0) else {
      throw invalid("password", "must have at most \(PasswordHash.passwordBytes) bytes and no NUL")
    }
    let plain = text.lowercased()
    guard Set(text).count >= 4, !common.contains(plain), !plain.contains(username.lowercased()), plain != email.lowercased() else {
      throw invalid("password", "is too easy to guess: use other words than the name, and not always the same characters")
    }
    return text
  }

  static func invalid(_ field: String, _ reason: String) -> APIProblem {
    APIProblem(.unprocessableContent, "invalid-value", "The field \"\(field)\" \(reason).", extensions: ["field": .text(field)])
  }
}

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
    guard let hash = try await run({ PasswordHash.make(password) }) else { throw AccountTexts.invalid("password", "cannot be used") }
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
