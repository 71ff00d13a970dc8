import Synchronization

/// What no workflow may depend on: it differs whenever it is asked.
final class Moods: Sendable {
  private let last = Atomic<Int>(0)

  func next() -> Int { last.add(1, ordering: .relaxed).newValue }
}
