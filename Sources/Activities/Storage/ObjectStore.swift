/// Stored files by key. Every operation that changes something may be repeated after a crash with the same effect.
public protocol ObjectStore: Sendable {
  /// A new object that is written piece by piece and becomes visible, whole, only by `commit`.
  func write(_ key: ObjectKey, limitBytes: Int) async throws -> any ObjectWriter

  /// Stores a whole object; replaces what was there in one step.
  func put(_ bytes: [UInt8], at key: ObjectKey) async throws

  /// Stores a copy of a local file; replaces what was there in one step.
  func put(file path: String, at key: ObjectKey) async throws

  /// Size and age; nil when there is no such object.
  func info(_ key: ObjectKey) async throws -> ObjectInfo?

  /// - Throws: `ObjectStoreError.notFound`.
  func open(_ key: ObjectKey) async throws -> any ObjectReader

  /// The path of a local file with the object's content, for tools that need one. It may be the stored file itself: never write to it.
  ///
  /// - Parameter scratch: a folder where a store that is not local may put a copy.
  /// - Throws: `ObjectStoreError.notFound`.
  func localFile(_ key: ObjectKey, scratch: String) async throws -> String

  /// - Throws: `ObjectStoreError.notFound` when the source does not exist.
  /// The path of the stored file itself; nil when there is none, or when objects are no files of this machine.
  func storedFile(_ key: ObjectKey) async throws -> String?

  func copy(_ source: ObjectKey, to destination: ObjectKey) async throws

  /// Succeeds also when the source is gone and the destination exists: then an earlier attempt had moved it.
  ///
  /// - Throws: `ObjectStoreError.notFound` when neither exists.
  func move(_ source: ObjectKey, to destination: ObjectKey) async throws

  /// Succeeds also when there is no such object.
  func delete(_ key: ObjectKey) async throws

  /// Keys that begin with `folder` and a slash, in order, after `after`, at most `limit` (1 to 1,000).
  func list(in folder: ObjectKey, after: ObjectKey?, limit: Int) async throws -> [ObjectInfo]

  /// Deletes unfinished writes, and objects in `folder`, that are older than `age`. Returns how many went.
  func sweep(_ folder: ObjectKey, olderThan age: Duration) async throws -> Int
}

/// One object being written. Unless `commit` succeeds nothing is ever visible.
public protocol ObjectWriter: Sendable {
  /// - Throws: `ObjectStoreError.tooLarge` beyond the limit; the object is then discarded.
  func append(_ bytes: UnsafeRawBufferPointer) throws

  /// Makes the object durable and visible. Returns its size.
  func commit() async throws -> Int

  /// Forgets everything written. Does nothing after `commit`.
  func discard()
}

/// One object opened for reading; what it reads stays the same even when the key is replaced or deleted.
public protocol ObjectReader: Sendable {
  /// In bytes.
  var size: Int { get }

  /// Up to `count` bytes from `offset`; fewer only at the end.
  func read(at offset: Int, count: Int) async throws -> [UInt8]
}

/// A stored object without its content.
public struct ObjectInfo: Sendable, Equatable {
  public var key: ObjectKey
  /// In bytes.
  public var size: Int
  /// Time since the last change, by the store's clock.
  public var age: Duration
  /// What it was stored as; nil where the store keeps no types.
  public var contentType: String?
}

/// What went wrong in the store, with the key.
public struct ObjectStoreError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Code: String, Sendable {
    case invalidKey
    case notFound
    case tooLarge
    /// The disk or the service failed; may be retried.
    case unavailable
    /// The service refused, for a reason that an operator must remove.
    case refused
  }

  public let code: Code
  public let description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  public static func == (one: ObjectStoreError, other: ObjectStoreError) -> Bool { one.code == other.code }
}
