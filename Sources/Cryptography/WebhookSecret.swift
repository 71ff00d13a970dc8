import Foundation

/// A secret that webhooks are signed with (Standard Webhooks 1.0.0): 24 to 64 bytes, written as `whsec_` and their base64.
public struct WebhookSecret: Sendable, Equatable {
  public static let prefix = "whsec_"
  public static let byteRange = 24...64

  let key: [UInt8]

  /// Nil unless the text is the prefix and the base64 of 24 to 64 bytes; the prefix may be missing.
  public init?(_ text: String) {
    let encoded = text.hasPrefix(Self.prefix) ? text.dropFirst(Self.prefix.count) : text[...]
    guard let data = Data(base64Encoded: String(encoded)), Self.byteRange.contains(data.count) else { return nil }
    key = [UInt8](data)
  }

  /// A new one of 32 bytes that nobody can guess.
  public static func random() -> WebhookSecret { WebhookSecret(key: SecureRandom.bytes(32)) }

  private init(key: [UInt8]) { self.key = key }

  /// What is shown to its owner, once.
  public var text: String { Self.prefix + Data(key).base64EncodedString() }
}

extension WebhookSecret: CustomStringConvertible, CustomReflectable {
  /// Never the secret: it must not reach a log by accident.
  public var description: String { "\(Self.prefix)..." }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
