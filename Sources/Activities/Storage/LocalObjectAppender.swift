import Foundation
import Synchronization

/// Appends to a file under a lock of the kernel, which ends with the process that has it, however that ends.
final class LocalObjectAppender: ObjectAppender {
  /// Negative once closed.
  private let descriptor: Mutex<Int32>
  private let name: String

  /// Nil while another one has the lock.
  init?(_ path: String, name: String) throws(ObjectStoreError) {
    let number = Glibc.open(path, O_WRONLY | O_CLOEXEC)
    guard number >= 0 else {
      guard errno == ENOENT || errno == ENOTDIR else { throw ObjectStoreError.disk("open \(name)") }
      throw ObjectStoreError(.notFound, "there is no object \(name)")
    }
    descriptor = Mutex(number)
    self.name = name
    guard flock(number, LOCK_EX | LOCK_NB) == 0 else {
      let error = errno
      close()
      guard error == EWOULDBLOCK else { throw ObjectStoreError.disk("lock \(name)", error) }
      return nil
    }
    var status = stat()
    guard fstat(number, &status) == 0, status.st_nlink > 0 else {
      close()
      throw ObjectStoreError(.notFound, "the object \(name) was deleted meanwhile")
    }
  }

  deinit { close() }

  func begin(at offset: Int) throws {
    try withDescriptor { number throws(ObjectStoreError) in
      var status = stat()
      guard fstat(number, &status) == 0 else { throw ObjectStoreError.disk("look at \(name)") }
      guard Int(status.st_size) >= offset else {
        throw ObjectStoreError(.notFound, "\(name) has lost bytes: \(status.st_size) of \(offset) are left")
      }
      guard ftruncate(number, off_t(offset)) == 0, lseek(number, off_t(offset), SEEK_SET) == offset else {
        throw ObjectStoreError.disk("cut \(name)")
      }
    }
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    try withDescriptor { number throws(ObjectStoreError) in
      var written = 0
      while written < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
        let result = Glibc.write(number, rest.baseAddress, rest.count)
        if result < 0 && errno == EINTR { continue }
        guard result >= 0 else { throw ObjectStoreError.disk("write \(name)") }
        written += result
      }
    }
  }

  func flush() async throws {
    try await offPool {
      try self.withDescriptor { number throws(ObjectStoreError) in
        guard fsync(number) == 0 else { throw ObjectStoreError.disk("flush \(self.name)") }
      }
    }
  }

  func close() {
    descriptor.withLock { number in
      guard number >= 0 else { return }
      Glibc.close(number)
      number = -1
    }
  }

  private func withDescriptor(_ body: (Int32) throws(ObjectStoreError) -> Void) throws(ObjectStoreError) {
    try descriptor.withLock { number throws(ObjectStoreError) in
      guard number >= 0 else { throw ObjectStoreError(.unavailable, "\(name) is no longer being written") }
      try body(number)
    }
  }
}

extension LocalObjectStore: AppendableStore {
  public func create(_ key: ObjectKey) async throws { try await put([], at: key) }

  public func appender(to key: ObjectKey) async throws -> (any ObjectAppender)? {
    try await offPool { try LocalObjectAppender(path(key), name: key.text) }
  }
}
