/// One task queue in this process: how many of its attempts run, and which wait for a place.
struct LocalQueue {
  private let limit: Int
  private(set) var running = 0
  private var waiting = FirstInFirstOut<ActivityAttempt>()

  init(limit: Int) {
    self.limit = limit
  }

  var waitingCount: Int { waiting.count }

  /// Gives the attempt a place, or lets it wait for one.
  /// - Returns: the attempt when it may begin.
  mutating func admit(_ attempt: ActivityAttempt) -> ActivityAttempt? {
    guard running < limit else {
      waiting.append(attempt)
      return nil
    }
    running += 1
    return attempt
  }

  /// One attempt ended: the next one takes its place.
  mutating func takeNext() -> ActivityAttempt? {
    let next = waiting.popFirst()
    if next == nil { running -= 1 }
    return next
  }

  /// Takes waiting attempts out of the queue.
  @discardableResult
  mutating func dropWaiting(where isDropped: (ActivityAttempt) -> Bool) -> [ActivityAttempt] {
    waiting.drop(where: isDropped)
  }
}

/// What may begin and was not taken by a lane yet.
struct ReadyWork {
  enum Item {
    case attempt(ActivityAttempt, ActivityImplementation)
    case step(InlineStep, ActivityImplementation)
  }

  private var items = FirstInFirstOut<Item>()

  var count: Int { items.count }

  mutating func append(_ item: Item) {
    items.append(item)
  }

  mutating func popFirst() -> Item? { items.popFirst() }

  /// Takes the attempt of this activity out.
  mutating func drop(_ key: ActivityKey) -> ActivityAttempt? {
    let dropped = items.drop {
      if case .attempt(let attempt, _) = $0 { attempt.key == key } else { false }
    }
    guard case .attempt(let attempt, _) = dropped.first else { return nil }
    return attempt
  }
}

/// A list that grows at one end and is taken from at the other, in constant time.
struct FirstInFirstOut<Element> {
  private var elements: [Element?] = []
  private var head = 0

  var count: Int { elements.count - head }

  mutating func append(_ element: Element) {
    elements.append(element)
  }

  mutating func popFirst() -> Element? {
    guard head < elements.count else { return nil }
    defer {
      head += 1
      if head == elements.count {
        elements.removeAll(keepingCapacity: true)
        head = 0
      } else if head > 64 && head * 2 > elements.count {
        elements.removeFirst(head)
        head = 0
      }
    }
    return elements[head].take()
  }

  /// Takes out what fulfils the condition.
  mutating func drop(where isDropped: (Element) -> Bool) -> [Element] {
    let present = elements[head...].compactMap(\.self)
    let dropped = present.filter(isDropped)
    guard !dropped.isEmpty else { return [] }
    elements = present.filter { !isDropped($0) }
    head = 0
    return dropped
  }
}
