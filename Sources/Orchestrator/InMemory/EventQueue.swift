/// What is still to happen, in order of time, and of being planned where times are equal. The heap holds plain numbers: moving closures about
/// would count references at every step.
struct EventQueue {
  private struct Place {
    let at: Int64
    /// Counts what was planned.
    let number: Int64
    /// Where in `bodies`.
    let body: Int
  }

  private var heap: [Place] = []
  private var bodies: [(() -> Void)?] = []
  private var free: [Int] = []
  private var lastNumber: Int64 = 0

  mutating func insert(at time: Int64, _ body: @escaping () -> Void) {
    lastNumber += 1
    let index: Int
    if let reused = free.popLast() {
      index = reused
      bodies[index] = body
    } else {
      index = bodies.count
      bodies.append(body)
    }
    let place = Place(at: time, number: lastNumber, body: index)
    heap.append(place)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard Self.isEarlier(place, heap[parent]) else { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = place
  }

  /// Takes the next event.
  mutating func pop() -> (at: Int64, body: () -> Void)? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    if !heap.isEmpty { sink(last) }
    var taken: (() -> Void)?
    swap(&taken, &bodies[first.body])
    free.append(first.body)
    return taken.map { (first.at, $0) }
  }

  mutating func removeAll() {
    heap = []
    bodies = []
    free = []
  }

  private mutating func sink(_ place: Place) {
    var parent = 0
    while true {
      var least = 2 * parent + 1
      guard least < heap.count else { break }
      if least + 1 < heap.count, Self.isEarlier(heap[least + 1], heap[least]) { least += 1 }
      guard Self.isEarlier(heap[least], place) else { break }
      heap[parent] = heap[least]
      parent = least
    }
    heap[parent] = place
  }

  private static func isEarlier(_ left: Place, _ right: Place) -> Bool {
    left.at != right.at ? left.at < right.at : left.number < right.number
  }
}
