import Testing

@testable import Orchestrator

/// Where retention looks, without a database: identifiers are times.
@Suite struct RetentionWalkTests {
  private static let second: Int64 = 1_000_000
  private static let start: Int64 = 1_800_000_000 * second

  private static func run(at microseconds: Int64) -> RunID { RunID.generate(unixMilliseconds: microseconds / 1000) }

  /// One pass over these ended runs, in pages of two.
  private func pass(_ walk: inout RetentionWalk, now: Int64, age: Int64, _ ended: [RunID: Int64]) -> (looked: Int, due: [RunID]) {
    walk.begin(now: now, cutoff: now - age)
    var looked = 0
    var due: [RunID] = []
    while let range = walk.range {
      let within = ended.keys.sorted().filter { range.after < $0 && $0 <= range.through }.prefix(2)
      looked += within.count
      let page = within.map { RetentionWalk.Candidate(runID: $0, events: 3, isDue: (ended[$0] ?? 0) < now - age) }
      due += walk.take(page, isLast: page.count < 2).map(\.runID)
    }
    return (looked, due)
  }

  @Test func `runs that started after the cutoff are not looked at`() {
    var walk = RetentionWalk()
    var ended: [RunID: Int64] = [:]
    for second in 0..<100 {
      let at = Self.start + Int64(second) * Self.second
      ended[Self.run(at: at)] = at
    }
    let (looked, due) = pass(&walk, now: Self.start + 100 * Self.second, age: 90 * Self.second, ended)
    #expect(due.count == 10)
    #expect(looked <= 12)
  }

  @Test func `a pass begins where the one before met the first run that was too young`() {
    var walk = RetentionWalk()
    let old = Self.run(at: Self.start)
    let long = Self.run(at: Self.start + Self.second)
    let after = Self.run(at: Self.start + 2 * Self.second)
    let now = Self.start + 100 * Self.second
    var ended = [old: Self.start, long: now, after: Self.start + 2 * Self.second]
    #expect(pass(&walk, now: now, age: 50 * Self.second, ended).due == [old, after])
    ended[after] = nil
    // `old` is still listed: had the walk begun below it, it would be found again.
    #expect(pass(&walk, now: now + Self.second, age: 50 * Self.second, ended).due == [])
    #expect(pass(&walk, now: now + 51 * Self.second, age: 50 * Self.second, ended).due == [long])
  }

  @Test func `an old run that ends behind the mark is found by the next whole walk`() {
    var walk = RetentionWalk()
    let old = Self.run(at: Self.start)
    let now = Self.start + 100 * Self.second
    #expect(pass(&walk, now: now, age: 10 * Self.second, [:]).due == [])
    let ended = [old: now]
    #expect(pass(&walk, now: now + 20 * Self.second, age: 10 * Self.second, ended).due == [])
    #expect(pass(&walk, now: now + 601 * Self.second, age: 10 * Self.second, ended).due == [old])
  }

  @Test func `identifiers that no clock has drawn are looked at in every pass`() throws {
    var walk = RetentionWalk()
    let now = Self.start + 100 * Self.second
    let chosen = try #require(RunID("f47ac10b-58cc-4372-a567-0e02b2c3d479"))
    #expect(pass(&walk, now: now, age: Self.second, [:]).due == [])
    #expect(pass(&walk, now: now + Self.second, age: Self.second, [chosen: now - 2 * Self.second]).due == [chosen])
  }

  @Test func `a transaction removes so many rows, a longer history goes alone`() {
    let runs = (0..<5).map { _ in RunID.generate() }
    let sizes = [40, 60, 10, 500, 5]
    let candidates = zip(runs, sizes).map { RetentionWalk.Candidate(runID: $0, events: $1, isDue: true) }
    #expect(RetentionWalk.groups(candidates, rows: 100) == [[runs[0], runs[1]], [runs[2]], [runs[3]], [runs[4]]])
    #expect(RetentionWalk.groups([], rows: 100) == [])
  }
}
