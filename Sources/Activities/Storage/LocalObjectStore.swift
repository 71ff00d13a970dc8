import Foundation

/// Objects as files of one folder of this machine.
///
/// Every write goes to a temporary file, is flushed, and is renamed into place, and then its folder is flushed: after a power failure an object
/// is there whole or not at all.
public struct LocalObjectStore: ObjectStore {
  private let objects: String
  private let temporary: String

  /// Creates the folder when it is not there.
  public init(folder: String) throws {
    objects = folder + "/objects"
    temporary = folder + "/temporary"
    for path in [objects, temporary] { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
  }

  public func write(_ key: ObjectKey, limitBytes: Int) async throws -> any ObjectWriter { try writer(key, limitBytes) }

  public func put(_ bytes: [UInt8], at key: ObjectKey) async throws {
    try await offPool {
      let writer = try writer(key, .max)
      defer { writer.discard() }
      try bytes.withUnsafeBytes { try writer.append($0) }
      _ = try writer.commitNow()
    }
  }

  public func put(file path: String, at key: ObjectKey) async throws {
    try await offPool {
      guard let source = try? LocalFile(reading: path) else { throw ObjectStoreError(.notFound, "there is no file to store as \(key)") }
      try store(source, at: key)
    }
  }

  public func info(_ key: ObjectKey) async throws -> ObjectInfo? { try await offPool { information(key) } }

  public func open(_ key: ObjectKey) async throws -> any ObjectReader { try await offPool { try file(key) } }

  public func localFile(_ key: ObjectKey, scratch: String) async throws -> String {
    guard try await info(key) != nil else { throw notFound(key) }
    return path(key)
  }

  public func storedFile(_ key: ObjectKey) async throws -> String? { try await info(key) == nil ? nil : path(key) }

  public func copy(_ source: ObjectKey, to destination: ObjectKey) async throws {
    try await offPool { try store(file(source), at: destination) }
  }

  public func move(_ source: ObjectKey, to destination: ObjectKey) async throws {
    try await offPool {
      try DurableFolder.create(folder(destination), under: objects)
      guard rename(path(source), path(destination)) == 0 else {
        let number = errno
        guard number == ENOENT || number == ENOTDIR else { throw ObjectStoreError.disk("move \(source) to \(destination)", number) }
        if information(destination) != nil { return }
        throw notFound(source)
      }
      try DurableFolder.flush(folder(destination))
      try DurableFolder.flush(folder(source))
    }
  }

  public func delete(_ key: ObjectKey) async throws {
    try await offPool {
      guard unlink(path(key)) == 0 else {
        let number = errno
        if number == ENOENT || number == ENOTDIR { return }
        throw ObjectStoreError.disk("delete \(key)", number)
      }
      try DurableFolder.flush(folder(key))
    }
  }

  public func list(in folder: ObjectKey, after: ObjectKey?, limit: Int) async throws -> [ObjectInfo] {
    try await offPool {
      let keys = files(in: folder).map(\.text).filter { $0 > (after?.text ?? "") }.sorted().prefix(min(max(limit, 1), 1000))
      return keys.compactMap { (try? ObjectKey($0)).flatMap(information) }
    }
  }

  public func sweep(_ folder: ObjectKey, olderThan age: Duration) async throws -> Int {
    try await offPool {
      let unfinished = (try? FileManager.default.contentsOfDirectory(atPath: temporary)) ?? []
      let paths = unfinished.map { temporary + "/" + $0 } + files(in: folder).map(path)
      return paths.count { path in FileStatus(path).map { $0.age > age } == true && unlink(path) == 0 }
    }
  }

  // MARK: - Files

  func path(_ key: ObjectKey) -> String { objects + "/" + key.text }

  private func folder(_ key: ObjectKey) -> String { (path(key) as NSString).deletingLastPathComponent }

  private func file(_ key: ObjectKey) throws(ObjectStoreError) -> LocalFile {
    do { return try LocalFile(reading: path(key)) } catch { throw notFound(key) }
  }

  private func files(in folder: ObjectKey) -> [ObjectKey] {
    let names = FileManager.default.enumerator(atPath: path(folder))?.compactMap { $0 as? String } ?? []
    return names.compactMap { try? folder.appending($0) }.filter { information($0) != nil }
  }

  private func information(_ key: ObjectKey) -> ObjectInfo? {
    FileStatus(path(key)).map { ObjectInfo(key: key, size: $0.size, age: $0.age) }
  }

  private func writer(_ key: ObjectKey, _ limit: Int) throws -> LocalObjectWriter {
    let place = LocalObjectWriter.Place(
      temporary: temporary + "/" + UUID().uuidString, final: path(key), folder: folder(key), root: objects)
    return try LocalObjectWriter(place, name: key.text, limit: limit)
  }

  private func store(_ source: LocalFile, at key: ObjectKey) throws {
    let writer = try writer(key, .max)
    defer { writer.discard() }
    var offset = 0
    while offset < source.size {
      let bytes = try source.readNow(at: offset, count: 1 << 20)
      guard !bytes.isEmpty else { throw ObjectStoreError(.unavailable, "the file to store as \(key) became shorter meanwhile") }
      try bytes.withUnsafeBytes { try writer.append($0) }
      offset += bytes.count
    }
    _ = try writer.commitNow()
  }

  private func notFound(_ key: ObjectKey) -> ObjectStoreError { ObjectStoreError(.notFound, "there is no object \(key)") }
}
