import Foundation

/// Runs blocking file work on a thread where it holds up nothing else: flushes take milliseconds, and Swift's own pool has one thread per core.
func offPool<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    DispatchQueue.global().async { continuation.resume(with: Result { try work() }) }
  }
}

/// Size and age of a plain file.
struct FileStatus {
  let size: Int
  let age: Duration

  /// Nil when the path is no plain file.
  init?(_ path: String) {
    var status = stat()
    var now = timespec()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, clock_gettime(CLOCK_REALTIME, &now) == 0 else { return nil }
    size = Int(status.st_size)
    age = .seconds(now.tv_sec - status.st_mtim.tv_sec) + .nanoseconds(now.tv_nsec - status.st_mtim.tv_nsec)
  }
}

/// A file opened for reading, closed with its last reference.
final class LocalFile: ObjectReader {
  let size: Int
  private let descriptor: OwnedDescriptor

  init(reading path: String) throws(SystemCallError) {
    guard let status = FileStatus(path) else { throw SystemCallError("stat", ENOENT) }
    let number = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw SystemCallError("open") }
    descriptor = OwnedDescriptor(number)
    size = status.size
  }

  func read(at offset: Int, count: Int) async throws -> [UInt8] { try await offPool { try self.readNow(at: offset, count: count) } }

  func readNow(at offset: Int, count: Int) throws(SystemCallError) -> [UInt8] {
    let wanted = min(max(0, count), max(0, size - offset))
    var bytes = [UInt8](repeating: 0, count: wanted)
    var filled = 0
    while filled < wanted {
      let result = bytes.withUnsafeMutableBytes { buffer in
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
        return pread(descriptor.number, rest.baseAddress, rest.count, off_t(offset + filled))
      }
      if result < 0 && errno == EINTR { continue }
      guard result >= 0 else { throw SystemCallError("pread") }
      if result == 0 { break }
      filled += result
    }
    return Array(bytes.prefix(filled))
  }
}

/// Folders whose entries survive a power failure.
enum DurableFolder {
  /// Creates what is missing of `path` below `root` and flushes each folder that got a new entry.
  static func create(_ path: String, under root: String) throws(ObjectStoreError) {
    guard path != root, access(path, F_OK) != 0 else { return }
    let parent = (path as NSString).deletingLastPathComponent
    try create(parent, under: root)
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw ObjectStoreError.disk("create a folder") }
    try flush(parent)
  }

  static func flush(_ path: String) throws(ObjectStoreError) {
    let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ObjectStoreError.disk("open a folder") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw ObjectStoreError.disk("flush a folder") }
  }
}

extension ObjectStoreError {
  /// A failed file operation with errno's text.
  static func disk(_ what: String, _ number: Int32 = errno) -> ObjectStoreError {
    ObjectStoreError(.unavailable, "could not \(what): \(String(cString: strerror(number)))")
  }
}
