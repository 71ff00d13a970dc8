import Foundation
import Orchestrator
import PostgreSQL
import TestSupport

@testable import EngineProcess

/// Three owners run journeys; one after the other is killed at points of a seeded schedule, measured in rows of history, and replaced.
actor KillStorm {
  struct Report: CustomStringConvertible {
    var ownerKills = 0
    var serverKills = 0
    var starts = 0
    var signals = 0
    var longestTakeover = Duration.zero
    var medianTakeover = Duration.zero
    var lease = Duration.zero
    var elapsed = Duration.zero
    var problems: [String] = []

    var description: String {
      "\(ownerKills) kills of owners, \(serverKills) of PostgreSQL, \(starts) starts and \(signals) signals acknowledged, "
        + "takeover median \(medianTakeover), longest \(longestTakeover), \(elapsed), problems: \(problems)"
    }
  }

  private let cluster: CrashingCluster
  private let database: PromiseDatabase
  private let client: Client
  private var generator: SplitMix64
  private var owners: [ProcessUnderTest] = []
  private var dead: [ProcessUnderTest] = []
  private var nextName = 0
  private let lease = Duration.seconds(10)
  /// Request ids of signals from here that were acknowledged.
  private var ticks: Set<String> = []

  init(_ cluster: CrashingCluster, _ generator: SplitMix64) async throws {
    self.cluster = cluster
    self.generator = generator
    database = try PromiseDatabase(cluster.connection)
    client = Client(database.pool, identity: "storm")
    try await database.script(Self.witnesses)
  }

  /// When each owner was killed and when its slots were taken from it, by PostgreSQL's clock.
  private static let witnesses = """
    create schema promise;
    create table promise.kills (name text primary key, at timestamptz not null default clock_timestamp());
    create table promise.losses (process_id bigint, at timestamptz not null default clock_timestamp());
    create function promise.note_loss() returns trigger language plpgsql as $$
    begin
      insert into promise.losses (process_id) values (old.process_id);
      return null;
    end
    $$;
    create trigger note_loss after update on orchestrator.slots for each row
      when (old.process_id is not null and new.process_id is distinct from old.process_id) execute function promise.note_loss();
    """

  /// What may explain a storm that does not end.
  var lastWords: String {
    get async {
      let said = (owners + dead.suffix(3)).map { "\($0.name): \($0.lines.suffix(4).joined(separator: " | "))" }
      let crashes = (owners + dead).flatMap(\.lines).filter { $0.contains("Fatal error") || $0.contains("crashed") || $0.contains(" at /") }
      return (crashes.prefix(20) + said + [(try? await database.checker.openRuns()) ?? "no answer"]).joined(separator: "\n")
    }
  }

  func run(kills: Int, serverKills: Int) async throws -> Report {
    let began = ContinuousClock.now
    var report = Report(lease: lease)
    for _ in 0..<3 { owners.append(try spawn()) }
    for owner in owners { try await owner.waitUntilSaid("ready") }
    let ticking = Task { await sendSecondTicks() }
    let serverKillsAt = Set((0..<kills).shuffled(using: &generator).prefix(serverKills))
    for number in 0..<kills {
      try await waitForRows(Int.random(in: 1...60, using: &generator))
      if serverKillsAt.contains(number) {
        try cluster.killAndStartAgain()
        report.serverKills += 1
      }
      try await killOne()
      report.ownerKills += 1
    }
    ticking.cancel()
    await ticking.value
    try await finish(&report)
    report.elapsed = ContinuousClock.now - began
    return report
  }

  private func spawn() throws -> ProcessUnderTest {
    nextName += 1
    return try ProcessUnderTest(
      "owner-\(nextName)", database: cluster.connection, ["--lease", "\(lease.milliseconds)", "--journeys", "8"])
  }

  private func killOne() async throws {
    let index = Int.random(in: 0..<owners.count, using: &generator)
    let victim = owners.remove(at: index)
    owners.append(try spawn())
    try await insist {
      _ = try await self.database.query("insert into promise.kills (name) values ('\(victim.name)') on conflict do nothing")
    }
    try await victim.killAndWait()
    dead.append(victim)
  }

  /// Lets the engine write so many rows, so that the next kill hits another point.
  private func waitForRows(_ count: Int) async throws {
    let before = try await rows()
    try await eventually("the histories grow by \(count) rows") { try await self.rows() >= before + Int64(count) }
  }

  private func rows() async throws -> Int64 {
    var count: Int64 = 0
    try await insist { count = try await self.database.count("select count(*) from orchestrator.history") }
    return count
  }

  /// The other half of the signals comes from outside, through SQL.
  private func sendSecondTicks() async {
    while !Task.isCancelled {
      let started = (owners + dead).flatMap { $0.said("started") }.compactMap(\.first)
      for id in started { await sendTick(2, to: id) }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  private func sendTick(_ tick: Int, to id: String) async {
    let request = "\(id)/\(tick)"
    guard !ticks.contains(request) else { return }
    do {
      try await client.handle(Journey.self, id: id).signal(Journey.tick, tick, requestID: request)
      ticks.insert(request)
    } catch {
      // Not acknowledged: it is sent again.
    }
  }

  /// Ends the load, gives every journey its missing ticks, waits for the last one and checks everything.
  private func finish(_ report: inout Report) async throws {
    for owner in owners {
      try await owner.waitUntilSaid("ready")
      try await owner.endInGoodOrder()
    }
    let last = try ProcessUnderTest("last-owner", database: cluster.connection)
    try await last.waitUntilSaid("ready")
    let all = owners + dead
    owners.append(last)
    try await eventually(within: .seconds(120), "all journeys end") {
      let open = try await self.database.query(
        """
        select r.workflow_id from orchestrator.runs r where not exists (select from orchestrator.closes c where c.run_id = r.run_id)
        union select workflow_id from orchestrator.inbox where kind = 1
        """)
      for row in 0..<open.count {
        for tick in 1...2 { await self.sendTick(tick, to: try open.text(row, 0)) }
      }
      return open.count == 0
    }
    let started = all.flatMap { $0.said("started") }
    let signaled = all.flatMap { $0.said("signaled") }.map { $0[1] } + ticks
    report.starts = started.count
    report.signals = signaled.count
    report.problems += try await database.checker.lostStarts(started.map { $0[0] }).map { "lost start \($0)" }
    report.problems += try await database.checker.lostSignals(signaled).map { "lost signal \($0)" }
    report.problems += try await wrongResults()
    report.problems += try await database.checker.violations()
    try await eventually("nothing is left behind") { try await self.database.checker.leftovers().isEmpty }
    try await measureTakeovers(&report)
    try await last.endInGoodOrder()
  }

  private func wrongResults() async throws -> [String] {
    let rows = try await database.query(
      """
      select w.workflow_id, w.status, coalesce((w.outcome)::text, ''), e.attributes ->> 'input'
      from orchestrator.workflows w join orchestrator.events e on e.run_id = w.run_id and e.event_id = 1
      """)
    return try (0..<rows.count).compactMap { row in
      let expected = Journey.expected(Int(try rows.text(row, 3)) ?? 0)
      if try rows.text(row, 1) == "Completed", try rows.text(row, 2) == "\(expected)" { return nil }
      return "\(try rows.text(row, 0)) is \(try rows.text(row, 1)) with \(try rows.text(row, 2)), not \(expected)"
    }
  }

  private func measureTakeovers(_ report: inout Report) async throws {
    let rows = try await database.query(
      """
      select (extract(epoch from max(l.at) - k.at) * 1000000)::int8 from promise.kills k
      join orchestrator.processes p using (name) join promise.losses l on l.process_id = p.process_id and l.at > k.at
      group by k.name, k.at order by 1
      """)
    let takeovers = try (0..<rows.count).map { Duration.microseconds(try rows.int64($0, 0)) }
    report.longestTakeover = takeovers.last ?? .zero
    report.medianTakeover = takeovers.isEmpty ? .zero : takeovers[takeovers.count / 2]
  }

  /// Repeats what fails while PostgreSQL is away.
  private func insist(_ body: () async throws -> Void) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      do {
        return try await body()
      } catch  where ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(10))
      }
    }
  }
}
