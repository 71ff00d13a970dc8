import Cryptography
import Foundation
import HTTP

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
    else { throw APIProblem.invalidField("email", "must be an email address of at most 254 ASCII characters") }
    return clean
  }

  static func username(_ text: String) throws -> String {
    guard text.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._\-]{1,38}[A-Za-z0-9]/) != nil else {
      throw APIProblem.invalidField(
        "username", "must have 3 to 40 letters, digits, dots, dashes or underscores, and begin and end with a letter or digit")
    }
    return text
  }

  /// 10 characters to 72 bytes; not one of the commonest, and not made of the name.
  static func password(_ text: String, username: String, email: String) throws -> String {
    guard text.count >= passwordCharacters else {
      throw APIProblem.invalidField("password", "must have at least \(passwordCharacters) characters")
    }
    guard text.utf8.count <= PasswordHash.passwordBytes, !text.utf8.contains(0) else {
      throw APIProblem.invalidField("password", "must have at most \(PasswordHash.passwordBytes) bytes and no NUL")
    }
    let plain = text.lowercased()
    guard Set(text).count >= 4, !common.contains(plain), !plain.contains(username.lowercased()), plain != email.lowercased() else {
      throw APIProblem.invalidField("password", "is too easy to guess: use other words than the name, and not always the same characters")
    }
    return text
  }
}
