import Cryptography
import Foundation

/// Keys by name: the active one encrypts, all of them decrypt. To rotate, put a new key first and keep the old ones for as long as values of theirs
/// are stored.
public struct KeyRing: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// A ring that cannot be read; names its line, never shows a key.
  public struct Invalid: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String
  }

  /// The name of the key that encrypts.
  public let active: String
  private let keys: [String: [UInt8]]

  /// - Parameters:
  ///   - active: one of the names.
  ///   - keys: 32 bytes each, by names of 1 to 64 letters, digits, `.`, `-` and `_`.
  /// - Throws: ``Invalid``.
  public init(active: String, keys: [String: [UInt8]]) throws {
    guard keys[active] != nil else { throw Invalid(description: "the key ring has no key '\(active)' to encrypt with") }
    for (name, key) in keys {
      guard Self.isName(name) else {
        throw Invalid(description: "names of keys have 1 to 64 letters, digits, '.', '-' and '_'")
      }
      guard key.count == AESGCM.keyBytes else { throw Invalid(description: "key '\(name)' has \(key.count) bytes, AES-256 needs 32") }
    }
    self.active = active
    self.keys = keys
  }

  /// Reads lines of a name and 32 bytes in base64; the first is the active key. Empty lines, and what begins with `#`, count for nothing.
  /// - Throws: ``Invalid``.
  public init(text: String) throws {
    var keys: [String: [UInt8]] = [:]
    var active: String?
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let fields = line.split { $0 == " " || $0 == "\t" }
      guard let name = fields.first.map(String.init), !name.hasPrefix("#") else { continue }
      guard fields.count == 2, let key = Data(base64Encoded: String(fields[1])) else {
        throw Invalid(description: "line \(index + 1) of the key ring is not a name and a key in base64")
      }
      guard keys.updateValue([UInt8](key), forKey: name) == nil else {
        throw Invalid(description: "line \(index + 1) of the key ring names key '\(name)' a second time")
      }
      active = active ?? name
    }
    guard let active else { throw Invalid(description: "the key ring holds no key") }
    try self.init(active: active, keys: keys)
  }

  /// Reads such a file, of at most 1 MiB.
  /// - Throws: ``Invalid``.
  public init(file path: String) throws {
    guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 20, let text = String(data: data, encoding: .utf8)
    else { throw Invalid(description: "the key ring '\(path)' cannot be read as text of at most 1 MiB") }
    try self.init(text: text)
  }

  func key(_ name: String) -> [UInt8]? { keys[name] }

  private static func isName(_ name: String) -> Bool {
    (1...64).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  /// The names only, wherever it is printed.
  public var description: String { "KeyRing(active: \(active), keys: \(keys.keys.sorted()))" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
