import PostgreSQL
import TestSupport
import Testing

struct LostCommitTests {
  private let insert = Statement(name: "insert", sql: "insert into slow values (1)")
  private let terminateSleepers = Statement(
    name: "terminate",
    sql: "select pg_terminate_backend(pid)::text from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'")
  /// The deferred trigger holds COMMIT open until the backend is terminated.
  private let schema = """
    create table slow (n int);
    create function hold() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return null; end $$;
    create constraint trigger hold after insert on slow deferrable initially deferred for each row execute function hold();
    """

  private func errorAfterTermination(_ database: Database, _ work: @escaping @Sendable () async throws -> Void) async throws
    -> DatabaseError?
  {
    let task = Task { try await work() }
    while try await database.query(terminateSleepers).count == 0 { try await Task.sleep(for: .milliseconds(5)) }
    return await #expect(throws: DatabaseError.self) { try await task.value }
  }

  @Test(.timeLimit(.minutes(1)))
  func `a connection lost during a commit leaves the outcome unknown, one lost before it does not`() async throws {
    let database = try Database(TestCluster.createDatabase())
    try await database.execute(script: schema)
    let duringCommit = try await errorAfterTermination(database) {
      try await database.transaction { _ = try await $0.query(insert) }
    }
    #expect(duringCommit?.code == .connectionLost)
    #expect(duringCommit?.outcomeUnknown == true)
    let implicit = try await errorAfterTermination(database) { _ = try await database.query(insert) }
    #expect(implicit?.outcomeUnknown == true)
    let sleep = Statement(name: "sleep", sql: "select pg_sleep(60)::text")
    let beforeCommit = try await errorAfterTermination(database) {
      try await database.transaction { _ = try await $0.query(sleep) }
    }
    #expect(beforeCommit?.isConnectionLost == true)
    #expect(beforeCommit?.outcomeUnknown == false)
    await database.shutdown()
  }
}
