import Foundation
import Testing

@testable import Activities

@Suite struct ObjectStoreTests {
  let scratch: Scratch
  let store: LocalObjectStore

  init() throws {
    scratch = try Scratch()
    store = try LocalObjectStore(folder: scratch.file("store"))
  }

  private func content(_ key: ObjectKey) async throws -> [UInt8] {
    let reader = try await store.open(key)
    return try await reader.read(at: 0, count: reader.size)
  }

  private func code(_ body: () async throws -> Void) async -> ObjectStoreError.Code? {
    do {
      try await body()
      return nil
    } catch { return (error as? ObjectStoreError)?.code }
  }

  private func leftovers() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: scratch.file("store/temporary")) }

  // MARK: - Keys

  @Test(arguments: [
    "", "/", "/etc/passwd", "a//b", "a/", "../a", "a/../b", "a/./b", ".hidden", "a/.b", "a\\b", "a b", "a\u{0}b", "a\nb", "ä", "a%2e", "~",
    String(repeating: "a", count: 256), String(repeating: "a/", count: 256) + "a",
  ])
  func `a key that could leave its folder or confuse a store is refused`(text: String) {
    let error = #expect(throws: ObjectStoreError.self) { try ObjectKey(text) }
    #expect(error?.code == .invalidKey)
    #expect(throws: (any Error).self) { try JSONDecoder().decode(ObjectKey.self, from: JSONEncoder().encode(text)) }
  }

  @Test(arguments: ["a", "transcoded-track/0199/high_000.aac", "a..b/c.d", "staging/A-Z_09.mp3"])
  func `usual keys are accepted and survive JSON`(text: String) throws {
    let key = try ObjectKey(text)
    #expect(try JSONDecoder().decode(ObjectKey.self, from: JSONEncoder().encode(key)) == key)
  }

  @Test(arguments: [
    ("a/master.m3u8", "application/vnd.apple.mpegurl"), ("high_000.aac", "audio/aac"), ("w.json", "application/json"),
    ("a.b", "application/octet-stream"),
    ("plain", "application/octet-stream"),
  ])
  func `the content type follows from the name`(key: String, type: String) throws { #expect(try ObjectKey(key).contentType == type) }

  // MARK: - Objects

  @Test func `what was put is read back whole and in ranges`() async throws {
    let key = try ObjectKey("a/b/c.bin")
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
    try await store.put(bytes, at: key)
    #expect(try await content(key) == bytes)
    let reader = try await store.open(key)
    #expect(reader.size == 100_000)
    #expect(try await reader.read(at: 50_000, count: 10) == Array(bytes[50_000..<50_010]))
    #expect(try await reader.read(at: 99_990, count: 100) == Array(bytes.suffix(10)))
    #expect(try await reader.read(at: 200_000, count: 10) == [])
    #expect(try await store.info(key)?.size == 100_000)
    #expect(try leftovers() == [])
  }

  @Test func `putting again replaces in one step, and an open reader keeps what it had`() async throws {
    let key = try ObjectKey("a")
    try await store.put([1, 2, 3], at: key)
    let reader = try await store.open(key)
    try await store.put([9], at: key)
    #expect(try await reader.read(at: 0, count: 10) == [1, 2, 3])
    #expect(try await content(key) == [9])
  }

  @Test func `an empty object and a copied file are objects like others`() async throws {
    let empty = try ObjectKey("empty")
    try await store.put([], at: empty)
    #expect(try await store.info(empty)?.size == 0)
    let path = try scratch.write(Array(repeating: 7, count: 3_000_000), "file")
    let copied = try ObjectKey("copied")
    try await store.put(file: path, at: copied)
    #expect(try await content(copied).count == 3_000_000)
    #expect(FileManager.default.fileExists(atPath: path))
    #expect(try await store.localFile(copied, scratch: scratch.path).hasSuffix("objects/copied"))
  }

  @Test func `an unfinished write is never visible and leaves nothing when discarded`() async throws {
    let key = try ObjectKey("staging/upload")
    let writer = try await store.write(key, limitBytes: 100)
    try [UInt8](repeating: 1, count: 60).withUnsafeBytes { try writer.append($0) }
    #expect(try await store.info(key) == nil)
    writer.discard()
    #expect(try leftovers() == [])
    #expect(await code { _ = try await writer.commit() } == .unavailable)
  }

  @Test func `a write beyond its limit is refused and forgotten`() async throws {
    let key = try ObjectKey("staging/upload")
    let writer = try await store.write(key, limitBytes: 100)
    try [UInt8](repeating: 1, count: 100).withUnsafeBytes { try writer.append($0) }
    #expect(await code { try [2].withUnsafeBytes { try writer.append($0) } } == .tooLarge)
    #expect(try leftovers() == [])
    #expect(await code { _ = try await writer.commit() } == .unavailable)
  }

  @Test func `a committed write is there, once`() async throws {
    let key = try ObjectKey("staging/upload")
    let writer = try await store.write(key, limitBytes: 100)
    try [UInt8]("song".utf8).withUnsafeBytes { try writer.append($0) }
    #expect(try await writer.commit() == 4)
    writer.discard()
    #expect(try await content(key) == Array("song".utf8))
  }

  @Test func `moving and copying may be repeated after a crash`() async throws {
    let (source, destination) = (try ObjectKey("staging/a"), try ObjectKey("tracks/x/a"))
    try await store.put([1], at: source)
    try await store.copy(source, to: destination)
    try await store.copy(source, to: destination)
    try await store.move(source, to: destination)
    try await store.move(source, to: destination)
    #expect(try await store.info(source) == nil)
    #expect(try await content(destination) == [1])
    try await store.delete(destination)
    try await store.delete(destination)
    #expect(await code { try await store.move(source, to: destination) } == .notFound)
    #expect(await code { try await store.copy(source, to: destination) } == .notFound)
    #expect(await code { _ = try await store.open(destination) } == .notFound)
    #expect(await code { try await store.put(file: scratch.file("none"), at: source) } == .notFound)
  }

  @Test func `a folder is no object`() async throws {
    try await store.put([1], at: ObjectKey("a/b"))
    #expect(try await store.info(ObjectKey("a")) == nil)
    #expect(await code { _ = try await store.open(ObjectKey("a")) } == .notFound)
    #expect(try await store.info(ObjectKey("a/b/c")) == nil)
  }

  @Test func `listing is ordered, bounded and goes on where it stopped`() async throws {
    let folder = try ObjectKey("t")
    for name in ["c", "a", "b/x", "b/y"] { try await store.put([1], at: folder.appending(name)) }
    try await store.put([1], at: ObjectKey("tt/other"))
    var seen: [String] = []
    var after: ObjectKey?
    while let page = try await nonEmpty(store.list(in: folder, after: after, limit: 3)) {
      seen += page.map(\.key.text)
      after = page.last?.key
    }
    #expect(seen == ["t/a", "t/b/x", "t/b/y", "t/c"])
    #expect(try await store.list(in: ObjectKey("nothing"), after: nil, limit: 10) == [])
  }

  private func nonEmpty(_ page: [ObjectInfo]) -> [ObjectInfo]? { page.isEmpty ? nil : page }

  @Test func `a sweep takes old staged objects and unfinished writes, and nothing else`() async throws {
    let staging = try ObjectKey("staging")
    for name in ["staging/old", "staging/new", "tracks/old"] { try await store.put([1], at: ObjectKey(name)) }
    let abandoned = try await store.write(ObjectKey("staging/abandoned"), limitBytes: 10)
    let dayAgo = Date(timeIntervalSinceNow: -86_400)
    for path in try leftovers().map({ "store/temporary/" + $0 }) + ["store/objects/staging/old", "store/objects/tracks/old"] {
      try FileManager.default.setAttributes([.modificationDate: dayAgo], ofItemAtPath: scratch.file(path))
    }
    _ = try await store.write(ObjectKey("staging/current"), limitBytes: 10)
    #expect(try await store.sweep(staging, olderThan: .seconds(3600)) == 2)
    #expect(try await store.sweep(staging, olderThan: .seconds(3600)) == 0)
    #expect(try await store.list(in: staging, after: nil, limit: 10).map(\.key.text) == ["staging/new"])
    #expect(try await store.info(ObjectKey("tracks/old")) != nil)
    #expect(await code { _ = try await abandoned.commit() } == .unavailable)
  }

  @Test func `many writers of one key leave one whole object`() async throws {
    let key = try ObjectKey("contended")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for value in UInt8(0)..<20 { group.addTask { try await store.put([UInt8](repeating: value, count: 10_000), at: key) } }
      try await group.waitForAll()
    }
    let bytes = try await content(key)
    #expect(bytes.count == 10_000)
    #expect(Set(bytes).count == 1)
    #expect(try leftovers() == [])
  }
}
