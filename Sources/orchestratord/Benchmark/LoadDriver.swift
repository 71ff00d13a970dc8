import Synchronization

/// Keeps so many units in flight until all are done; memory is bounded by the window, not by the count.
struct LoadDriver: Sendable {
  let inFlight: Int

  /// Runs the unit for every number of the range.
  /// - Returns: the milliseconds that each took, as the unit itself measured them.
  func run(_ numbers: Range<Int>, _ unit: @escaping @Sendable (Int) async throws -> Double) async throws -> [Double] {
    let next = Counter(numbers.lowerBound)
    return try await withThrowingTaskGroup(of: [Double].self) { group in
      for _ in 0..<min(inFlight, numbers.count) {
        group.addTask {
          var times: [Double] = []
          while true {
            let number = next.take()
            guard number < numbers.upperBound else { return times }
            times.append(try await unit(number))
          }
        }
      }
      var all: [Double] = []
      all.reserveCapacity(numbers.count)
      for try await times in group { all.append(contentsOf: times) }
      return all
    }
  }
}

private final class Counter: Sendable {
  private let next: Atomic<Int>

  init(_ first: Int) {
    next = Atomic(first)
  }

  func take() -> Int { next.add(1, ordering: .relaxed).oldValue }
}

extension [Double] {
  /// The value that this share of all is not above; 0 of nothing.
  func percentile(_ share: Double) -> Double {
    guard !isEmpty else { return 0 }
    let ordered = sorted()
    return ordered[Swift.min(count - 1, Int(Double(count) * share))]
  }
}
