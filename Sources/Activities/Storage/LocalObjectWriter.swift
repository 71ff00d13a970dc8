import Foundation
import Synchronization

/// Writes a temporary file and renames it into place.
final class LocalObjectWriter: ObjectWriter {
  /// The paths of one write.
  struct Place {
    let temporary: String
    let final: String
    /// Of the final file.
    let folder: String
    /// Below it folders may be created.
    let root: String
  }

  private struct State {
    /// Negative once committed or discarded.
    var descriptor: Int32
    var size = 0
  }

  private let state: Mutex<State>
  private let place: Place
  private let name: String
  private let limit: Int

  init(_ place: Place, name: String, limit: Int) throws(ObjectStoreError) {
    let descriptor = Glibc.open(place.temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw ObjectStoreError.disk("begin to write \(name)") }
    state = Mutex(State(descriptor: descriptor))
    self.place = place
    self.name = name
    self.limit = limit
  }

  deinit { discard() }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    do {
      try state.withLock { state throws(ObjectStoreError) in try append(bytes, &state) }
    } catch {
      if error.code == .tooLarge { discard() }
      throw error
    }
  }

  private func append(_ bytes: UnsafeRawBufferPointer, _ state: inout State) throws(ObjectStoreError) {
    try requireOpen(state)
    guard bytes.count <= limit - state.size else {
      throw ObjectStoreError(.tooLarge, "\(name) is larger than \(limit) bytes, the most that is accepted")
    }
    var written = 0
    while written < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
      let result = Glibc.write(state.descriptor, rest.baseAddress, rest.count)
      if result < 0 && errno == EINTR { continue }
      guard result >= 0 else { throw ObjectStoreError.disk("write \(name)") }
      written += result
    }
    state.size += written
  }

  func commit() async throws -> Int { try await offPool { try self.commitNow() } }

  func commitNow() throws(ObjectStoreError) -> Int {
    try state.withLock { state throws(ObjectStoreError) in
      try requireOpen(state)
      try DurableFolder.create(place.folder, under: place.root)
      guard fsync(state.descriptor) == 0, rename(place.temporary, place.final) == 0 else { throw ObjectStoreError.disk("store \(name)") }
      close(state.descriptor)
      state.descriptor = -1
      try DurableFolder.flush(place.folder)
      return state.size
    }
  }

  func discard() {
    state.withLock { state in
      guard state.descriptor >= 0 else { return }
      close(state.descriptor)
      state.descriptor = -1
      unlink(place.temporary)
    }
  }

  private func requireOpen(_ state: State) throws(ObjectStoreError) {
    guard state.descriptor >= 0 else { throw ObjectStoreError(.unavailable, "\(name) is no longer being written") }
  }
}
