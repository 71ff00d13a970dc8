/// One link of the chain that values pass on their way to the database, and back: compression and encryption are built in.
public protocol ByteCodec: Sendable {
  /// Stands beside every value that passed it, and finds the codec that reads it: lower-case letters, digits and hyphens, never given to another.
  var name: String { get }

  /// The bytes as they are to be stored; nil leaves them as they are.
  /// - Throws: anything; the run's batch is then refused and the run blocked with what it says.
  func encode(_ bytes: [UInt8], _ context: CodecContext) throws -> EncodedBytes?

  /// The bytes that `encode` took. They come from a database: anybody may have changed them.
  /// - Throws: ``CodecError``, or anything that says what is wrong.
  func decode(_ encoded: EncodedBytes, _ context: CodecContext) throws -> [UInt8]
}

/// What one codec made of bytes.
public struct EncodedBytes: Sendable, Equatable {
  public var bytes: [UInt8]
  /// Which key reads them; nil when they need none.
  public var keyID: String?

  public init(_ bytes: [UInt8], keyID: String? = nil) {
    self.bytes = bytes
    self.keyID = keyID
  }
}

/// Where a value belongs.
public struct CodecContext: Sendable, Equatable {
  public let namespace: String
  /// Nil for the input of a schedule, which belongs to runs that do not exist yet.
  public let workflowID: String?
  /// Names of the codecs that the bytes passed before.
  public let preceding: [String]

  public init(namespace: String, workflowID: String?, preceding: [String] = []) {
    self.namespace = namespace
    self.workflowID = workflowID
    self.preceding = preceding
  }

  func following(_ preceding: [String]) -> CodecContext {
    CodecContext(namespace: namespace, workflowID: workflowID, preceding: preceding)
  }
}

/// Why a stored value cannot be read; names keys, never shows values.
public enum CodecError: Error, Equatable, Sendable, CustomStringConvertible {
  case damagedEnvelope
  case unknownCodec(String)
  case missingKey(String)
  /// The key of that name did not open it.
  case notAuthentic(keyID: String)
  case tooLarge(limit: Int)
  case damaged(codec: String)

  public var description: String {
    switch self {
    case .damagedEnvelope: "the envelope of the stored value is damaged"
    case .unknownCodec(let name):
      "the value passed codec '\(name)', which this process does not have: configure it as where the value was written"
    case .missingKey(let key): "the value is encrypted with key '\(key)', which this process does not have: add it to the key ring"
    case .notAuthentic(let key):
      "key '\(key)' does not open the value: the key ring holds other bytes under this name, or the value was changed or moved here from another workflow"
    case .tooLarge(let limit): "the stored value holds more than \(limit) bytes"
    case .damaged(let codec): "codec '\(codec)' cannot read the stored value: it is damaged"
    }
  }
}
