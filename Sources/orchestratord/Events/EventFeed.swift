import HTTP
import Orchestrator
import Synchronization
import Workflows

/// Tells the followers of this process what happens: one look at the database serves all of them, however many there are.
///
/// A follower that does not keep up is let go once its queue is full. It has received everything up to a number, and begins again from there.
final class EventFeed: Sendable {
  struct Pace: Sendable {
    /// Between two looks while somebody follows.
    var interval = Duration.milliseconds(100)
    /// While nobody does; what happened gets its numbers all the same.
    var idleInterval = Duration.seconds(1)
    /// Events that wait for one follower.
    var queue = 256
    /// How long followers wait for the first look after the start.
    static let patience = Duration.seconds(5)
    /// Streams of one user in this process.
    static let streamsPerUser = 20
    static let eventsPerLook = 1000
    static let looksPerProgress = 4
    static let betweenPrunes = Duration.minutes(1)
  }

  enum Item: Sendable, Equatable {
    case event(EventRecord)
    case progress(TrackProgress)
  }

  /// A place in the events, and what follows it.
  struct Following: Sendable {
    /// What comes has higher numbers.
    let position: Int64
    let items: AsyncStream<Item>
  }

  private struct State {
    /// The last number that was looked at; nil before the first look.
    var position: Int64?
    var followers: [EventAudience: [Int: AsyncStream<Item>.Continuation]] = [:]
    var count = 0
    var lastFollower = 0
    var progress: [TrackID: TrackProgress] = [:]
  }

  let log: EventLog
  private let pace: Pace
  private let state = Mutex(State())

  init(_ log: EventLog, pace: Pace = Pace()) {
    self.log = log
    self.pace = pace
  }

  /// How many follow.
  var followers: Int { state.withLock { $0.count } }

  /// - Throws: `APIProblem` 429 for a user who follows too often already.
  func admit(_ audience: EventAudience) throws {
    guard case .user = audience, state.withLock({ $0.followers[audience]?.count ?? 0 }) >= Pace.streamsPerUser else { return }
    throw APIProblem(
      .tooManyRequests, "too-many-streams", "At most \(Pace.streamsPerUser) streams of events are open for one user. Close one.",
      headers: ["Retry-After": "5"])
  }

  /// Looks until the task is cancelled.
  func run() async {
    var looks = 0
    var pruned = ContinuousClock.now
    while !Task.isCancelled {
      do {
        let isMore = try await lookOnce()
        looks += 1
        if followers > 0, looks.isMultiple(of: Pace.looksPerProgress) { tell(try await log.progress()) }
        if ContinuousClock.now - pruned > Pace.betweenPrunes, try await log.prune() == 0 { pruned = .now }
        try await Task.sleep(for: isMore ? .zero : followers > 0 ? pace.interval : pace.idleInterval)
      } catch is CancellationError {
        return
      } catch {
        Log.warning("event-feed", "cannot look for events, tries again in \(pace.idleInterval): \(error)")
        try? await Task.sleep(for: pace.idleInterval)
      }
    }
  }

  /// Whether there is more to be looked at at once.
  private func lookOnce() async throws -> Bool {
    guard let position = state.withLock({ $0.position }) else {
      let head = try await log.state().head
      state.withLock { $0.position = head }
      return true
    }
    let events = try await log.take(after: position, limit: Pace.eventsPerLook)
    state.withLock { state in
      for event in events {
        state.position = event.number
        if let user = event.userID { Self.tell(.event(event), .user(user), &state) }
        Self.tell(.event(event), .operators, &state)
      }
    }
    return events.count == Pace.eventsPerLook
  }

  private func tell(_ tracks: [TrackProgress]) {
    state.withLock { state in
      for track in tracks where state.progress[track.id] != track {
        Self.tell(.progress(track), .user(track.userID), &state)
      }
      state.progress = Dictionary(uniqueKeysWithValues: tracks.map { ($0.id, $0) })
    }
  }

  private static func tell(_ item: Item, _ audience: EventAudience, _ state: inout State) {
    for (follower, continuation) in state.followers[audience] ?? [:] {
      if case .dropped = continuation.yield(item) {
        // What it has is complete up to a number: it ends there.
        continuation.finish()
        remove(follower, audience, &state)
      }
    }
  }

  /// Begins to follow; ends when whoever reads the items is gone.
  /// - Throws: `APIProblem` 503 while the database cannot be looked at.
  func follow(_ audience: EventAudience) async throws -> Following {
    let deadline = ContinuousClock.now + Pace.patience
    while true {
      if let following = begin(audience) { return following }
      guard ContinuousClock.now < deadline else { throw APIProblem.unavailable("Events cannot be read at the moment. Try again.") }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  private func begin(_ audience: EventAudience) -> Following? {
    let (items, continuation) = AsyncStream.makeStream(of: Item.self, bufferingPolicy: .bufferingOldest(pace.queue))
    return state.withLock { state -> Following? in
      guard let position = state.position else { return nil }
      state.lastFollower += 1
      state.count += 1
      let follower = state.lastFollower
      state.followers[audience, default: [:]][follower] = continuation
      continuation.onTermination = { [weak self] reason in
        // A stream that this feed has ended was removed by it, under the lock.
        guard case .cancelled = reason else { return }
        self?.state.withLock { Self.remove(follower, audience, &$0) }
      }
      return Following(position: position, items: items)
    }
  }

  private static func remove(_ follower: Int, _ audience: EventAudience, _ state: inout State) {
    guard state.followers[audience]?.removeValue(forKey: follower) != nil else { return }
    state.count -= 1
    if state.followers[audience]?.isEmpty == true { state.followers[audience] = nil }
  }
}
