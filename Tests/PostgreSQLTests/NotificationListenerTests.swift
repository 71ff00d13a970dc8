import PostgreSQL
import TestSupport
import Testing

struct NotificationListenerTests {
  private let notify = Statement(name: "notify", sql: "select pg_notify($1, $2)::text", parameterTypes: [.text, .text])
  private let terminateListeners = Statement(
    name: "terminate",
    sql: "select pg_terminate_backend(pid)::text from pg_stat_activity where datname = current_database() and query like 'listen %'")

  @Test(.timeLimit(.minutes(1)))
  func `notifications sent after listen returned arrive in order, on odd channel names too`() async throws {
    let database = try Database(TestCluster.createDatabase())
    let listener = try await database.listen(to: ["inbox", "Odd \"name\""])
    var events = listener.makeAsyncIterator()
    for number in 0..<10 { _ = try await database.query(notify, Parameters("inbox", "\(number)")) }
    _ = try await database.query(notify, Parameters("Odd \"name\"", "ü"))
    for number in 0..<10 { #expect(await events.next() == .notification(channel: "inbox", payload: "\(number)")) }
    #expect(await events.next() == .notification(channel: "Odd \"name\"", payload: "ü"))
    await database.shutdown()
    #expect(await events.next() == nil)
  }

  @Test(.timeLimit(.minutes(1)))
  func `a listener whose backend was terminated reports the reconnect and goes on`() async throws {
    let database = try Database(TestCluster.createDatabase())
    var events = try await database.listen(to: ["inbox"]).makeAsyncIterator()
    for round in 0..<2 {
      _ = try await database.query(terminateListeners)
      #expect(await events.next() == .reconnected)
      _ = try await database.query(notify, Parameters("inbox", "\(round)"))
      #expect(await events.next() == .notification(channel: "inbox", payload: "\(round)"))
    }
    await database.shutdown()
  }

  @Test(.timeLimit(.minutes(1)))
  func `a consumer too slow for its notifications is told to look again`() async throws {
    let database = try Database(TestCluster.createDatabase())
    var events = try await database.listen(to: ["inbox", "done"]).makeAsyncIterator()
    try await database.execute(script: "select pg_notify('inbox', n::text) from generate_series(1, 3000) n")
    // Delivered in order on one connection: a second listener's message after them shows that they have arrived.
    var others = try await database.listen(to: ["done"]).makeAsyncIterator()
    _ = try await database.query(notify, Parameters("done", ""))
    _ = await others.next()
    var sawReconnected = false
    while let event = await events.next(), event != .notification(channel: "done", payload: "") {
      if event == .reconnected { sawReconnected = true }
    }
    #expect(sawReconnected)
    await database.shutdown()
  }

  @Test func `listening fails in time when the server is away`() async throws {
    let database = try Database(ConnectionConfiguration("host=/nowhere user=nobody"), acquireTimeout: .milliseconds(300))
    let error = await #expect(throws: DatabaseError.self) { try await database.listen(to: ["inbox"]) }
    #expect(error?.code == .connectionFailed)
    await database.shutdown()
  }
}
