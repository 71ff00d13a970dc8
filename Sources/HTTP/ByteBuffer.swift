/// A bounded queue of bytes between the server's thread and a task.
struct ByteBuffer {
  let capacity: Int
  private var bytes: [UInt8] = []
  private var start = 0

  init(capacity: Int) { self.capacity = capacity }

  var count: Int { bytes.count - start }
  var isEmpty: Bool { count == 0 }
  var isFull: Bool { count >= capacity }

  /// Takes what fits; returns how many bytes that was.
  mutating func append(_ source: UnsafeRawBufferPointer) -> Int {
    let accepted = min(source.count, capacity - count)
    bytes.append(contentsOf: source.prefix(accepted))
    return accepted
  }

  /// Everything, leaving the queue empty.
  mutating func takeAll() -> [UInt8] {
    defer {
      bytes = []
      start = 0
    }
    return start == 0 ? bytes : Array(bytes[start...])
  }

  /// Moves the oldest bytes into `target`; returns how many.
  mutating func take(into target: UnsafeMutableRawBufferPointer) -> Int {
    let taken = min(target.count, count)
    bytes.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + taken])) }
    start += taken
    if start == bytes.count {
      bytes.removeAll(keepingCapacity: true)
      start = 0
    }
    return taken
  }
}
