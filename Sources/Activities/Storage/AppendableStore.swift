/// A store in which an object can grow over days, by one writer at a time, and is visible meanwhile.
public protocol AppendableStore: ObjectStore {
  /// Makes an empty object, durably.
  func create(_ key: ObjectKey) async throws

  /// The only writer of an object until it is closed, over all processes that share the store; a killed process has closed its writers.
  ///
  /// Nil while another one writes.
  /// - Throws: `ObjectStoreError.notFound`.
  func appender(to key: ObjectKey) async throws -> (any ObjectAppender)?
}

/// One object that grows.
public protocol ObjectAppender: Sendable {
  /// Cuts off what stands behind the offset: it was never flushed, or never checked. The next bytes come there.
  ///
  /// - Throws: `ObjectStoreError.notFound` when the object is shorter.
  func begin(at offset: Int) throws

  func append(_ bytes: UnsafeRawBufferPointer) throws

  /// Returns when everything that was appended survives a power failure.
  func flush() async throws

  /// Lets others write. Does nothing the second time.
  func close()
}
