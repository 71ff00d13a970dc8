import Foundation
import PostgreSQL
import Synchronization
import TestSupport
import Testing

@testable import Activities
@testable import HTTP
@testable import Workflows
@testable import orchestratord

@Suite struct UserEventRoutesTests {
  /// What a stream sends until the condition holds; then the connection is cut, as clients do it.
  private static func read(
    _ port: UInt16, _ target: String, as token: String? = "artist-token-0001", from last: String? = nil,
    until isEnough: @escaping @Sendable ([ServerSentEvent]) -> Bool
  ) async throws -> [ServerSentEvent] {
    struct Enough: Error {}
    var request = HTTPClientRequest(.get, "http://127.0.0.1:\(port)\(target)")
    if let token { request.headers["Authorization"] = "Bearer \(token)" }
    if let last { request.headers["Last-Event-ID"] = last }
    request.addressPolicy = .publicOrLoopback
    request.totalTimeout = .seconds(20)
    let reader = StreamReader(isEnough)
    do {
      let response = try await HTTPClient().send(request) { _, bytes in if try reader.take(bytes) { throw Enough() } }
      if response.status != .ok { throw HTTPError(response.status, String(decoding: response.body, as: UTF8.self)) }
    } catch let error as HTTPClientError where error.code == .receiverFailed {}
    return reader.events
  }

  private static func numbers(_ events: [ServerSentEvent]) -> [Int64] {
    events.filter { $0.event == nil }.compactMap { $0.id.flatMap { Int64($0) } }
  }

  private static func statuses(_ events: [ServerSentEvent]) throws -> [String] {
    try events.filter { $0.event == nil }.map { event in
      let object = try #require(try JSONSerialization.jsonObject(with: Data(event.data.utf8)) as? [String: Any])
      #expect(object["timestamp"] is String)
      return "\(object["type"] ?? "")"
    }
  }

  private static func serve(_ body: (TestAPI, UInt16) async throws -> Void) async throws {
    let api = try await TestAPI()
    let feeding = Task { await api.feed.run() }
    defer { feeding.cancel() }
    let server = try HTTPServer(router: api.router)
    let result: Result<Void, any Error>
    do { result = .success(try await body(api, server.port)) } catch { result = .failure(error) }
    await server.drain(within: .seconds(2))
    try result.get()
  }

  @Test func `One stream tells all that concerns its user, operators see everybody's, and nobody sees another's`() async throws {
    try await Self.serve { api, port in
      async let anna = Self.read(port, "/api/v1/events") { Self.numbers($0).count >= 4 }
      async let otto = Self.read(port, "/api/v1/events", as: "other-token-00001") { Self.numbers($0).count >= 1 }
      async let all = Self.read(port, "/api/v1/operations/events", as: "admin-token-00001") { Self.numbers($0).count >= 6 }
      try await eventually("three follow") { api.feed.followers == 3 }
      let first = try #require(TrackID(try await api.upload().text("trackId") ?? ""))
      _ = try await api.upload()
      _ = try await api.upload(as: "other-token-00001")
      try await api.catalog.changeStatus(first, to: .processing, because: nil, by: "test", requestKey: "1")
      try await api.catalog.changeStatus(first, to: .failed, because: "No sound.", by: "test", requestKey: "2")
      try await api.database.execute(
        script: """
          insert into orchestrator.parked_activities (run_id, sequence, slot, activity_type, parked_at, attempts, retry_state, failure)
          values (gen_random_uuid(), 7, 1, 'transcode-audio', now(), 3, 'attempts', '{}')
          """)
      let (mine, his, everything) = try await (anna, otto, all)
      #expect(try Self.statuses(mine) == ["track.pending", "track.pending", "track.processing", "track.failed"])
      #expect(mine.first?.event == "ready" && mine.first?.retryMilliseconds == 3000)
      let last = try #require(mine.last?.data)
      #expect(last.contains("No sound.") && last.contains(first.description))
      #expect(try Self.statuses(his) == ["track.pending"])
      #expect(Self.numbers(everything) == [1, 2, 3, 4, 5, 6], "one order, without gaps")
      #expect(try Self.statuses(everything).last == "activity.parked")
      try await eventually("nobody follows") { api.feed.followers == 0 }
    }
  }

  @Test func `A stream that was cut goes on after the last event, with nothing lost and nothing twice`() async throws {
    try await Self.serve { api, port in
      let writer = Task {
        for number in 1...60 { try await Self.emit(api.database, "anna", "test.\(number)") }
      }
      var received: [String] = []
      var last = "0"
      while received.count < 60 {
        // A user may have 20 at a time, and a busy server sees late that one was cut.
        try await eventually("cut streams are gone") { api.feed.followers < 10 }
        // Sometimes by the header, sometimes by the query, and cut after another number of events each time.
        let size = min(1 + received.count % 7, 60 - received.count)
        let isHeader = received.count.isMultiple(of: 2)
        let events = try await Self.read(
          port, isHeader ? "/api/v1/events" : "/api/v1/events?lastEventId=\(last)", from: isHeader ? last : nil
        ) { Self.numbers($0).count >= size }
        let told = events.filter { $0.event == nil }.prefix(size)
        received += try Self.statuses(Array(told))
        last = try #require(told.last?.id)
      }
      try await writer.value
      #expect(received == (1...60).map { "test.\($0)" })
    }
  }

  @Test func `Whoever asks for what was removed, or never was, is told to begin anew`() async throws {
    try await Self.serve { api, port in
      for number in 1...5 { try await Self.emit(api.database, "anna", "test.\(number)") }
      try await eventually("all are numbered") { try await api.feed.log.state().head == 5 }
      try await api.database.execute(script: "update events.log set at = now() - interval '8 days' where number <= 3")
      #expect(try await api.feed.log.prune() == 3)
      #expect(try await api.feed.log.prune() == 0)
      for lost in ["1", "2", "6", "99999999999999999999", "-1", "x"] {
        let events = try await Self.read(port, "/api/v1/events", from: lost) { !$0.isEmpty }
        #expect(events.first?.event == "reset" && events.first?.id == "5", "\(lost)")
      }
      let rest = try await Self.read(port, "/api/v1/events", from: "3") { Self.numbers($0).count == 2 }
      #expect(try Self.statuses(rest) == ["test.4", "test.5"])
      let none = try await Self.read(port, "/api/v1/events") { !$0.isEmpty }
      #expect(none.first?.event == "ready" && none.first?.id == "5")
    }
  }

  @Test func `A follower that does not keep up is let go and loses nothing`() async throws {
    let api = try await TestAPI()
    let feed = EventFeed(EventLog(database: api.database), pace: EventFeed.Pace(interval: .milliseconds(10), queue: 8))
    let feeding = Task { await feed.run() }
    let following = try await feed.follow(.user("anna"))
    try await Self.emit(api.database, "anna", "test", count: 20)
    try await eventually("it is let go") { feed.followers == 0 }
    var numbers: [Int64] = []
    for await case .event(let event) in following.items { numbers.append(event.number) }
    #expect(numbers == Array(1...8), "complete up to where it ends")
    let rest = try await feed.log.past(of: .user("anna"), after: 8, upTo: 20, limit: 100)
    #expect(rest.map(\.number) == Array(9...20))
    feeding.cancel()
  }

  @Test func `Events are numbered in the order in which they are committed, whichever process gives the numbers`() async throws {
    let api = try await TestAPI()
    let log = EventLog(database: api.database)
    try await api.database.transaction { slow in
      _ = try await slow.query(Self.emitting, Parameters("anna", "test.slow", Int32(1)))
      try await Self.emit(api.database, "anna", "test.fast")
      #expect(try await log.take(after: 0, limit: 10).map(\.number) == [1])
      // Another process holds the numbers: this one sees what there is, and does not wait.
      try await api.database.transaction { holder in
        _ = try await holder.query(Statement(name: "hold", sql: "select head from events.state for update"))
        try await Self.emit(api.database, "anna", "test.later")
        #expect(try await log.take(after: 1, limit: 10).isEmpty)
      }
    }
    let rest = try await log.take(after: 1, limit: 10)
    #expect(rest.map(\.number) == [2, 3] && rest.map { $0.document.contains("test.slow") } == [true, false])
  }

  @Test func `A channel token of a user opens that user's stream only, one of operators needs the role`() async throws {
    try await Self.serve { api, port in
      let mine = try #require(try await api.send(.post, "/api/v1/events/channel-token").text("channelToken"))
      let track = try #require(try await api.upload().text("channelToken"))
      #expect(try await api.send(.post, "/api/v1/operations/events/channel-token").problem == "role-required")
      let operators = try #require(
        try await api.send(.post, "/api/v1/operations/events/channel-token", as: "admin-token-00001").text("channelToken"))
      for (target, token) in [
        ("/api/v1/events", track), ("/api/v1/operations/events", mine), ("/api/v1/events", operators), ("/api/v1/events", "x"),
      ] {
        #expect(try await api.send(.get, "\(target)?channelToken=\(token)", as: nil).problem == "unauthorized")
      }
      #expect(try await api.send(.get, "/api/v1/operations/events").problem == "role-required")
      let events = try await Self.read(port, "/api/v1/events?channelToken=\(mine)&lastEventId=0", as: nil) { Self.numbers($0).count == 1 }
      #expect(try Self.statuses(events) == ["track.pending"])
      let all = try await Self.read(port, "/api/v1/operations/events?channelToken=\(operators)&lastEventId=0", as: nil) {
        Self.numbers($0).count == 1
      }
      #expect(try Self.statuses(all) == ["track.pending"])
    }
  }

  @Test func `Progress of a track comes by itself, has no number, and only its artist sees it`() async throws {
    try await Self.serve { api, port in
      let id = try #require(TrackID(try await api.upload().text("trackId") ?? ""))
      try await api.catalog.changeStatus(id, to: .processing, because: nil, by: "test", requestKey: "1")
      async let told = Self.read(port, "/api/v1/events") { $0.contains { $0.event == "progress" && $0.data.contains("transcode-audio") } }
      async let other = Self.read(port, "/api/v1/events", as: "other-token-00001") { Self.numbers($0).count == 1 }
      try await eventually("two follow") { api.feed.followers == 2 }
      for (stage, percent) in [("validate-audio", 100), ("probe-audio", 100), ("transcode-audio", 100)] {
        try await api.catalog.reportProgress(id, stage: stage, percent: percent, attempt: 1)
      }
      let progress = try await told.filter { $0.event == "progress" }
      #expect(progress.allSatisfy { $0.id == nil || $0.id == progress.first?.id })
      let last = try #require(progress.last?.data)
      #expect(last.contains(id.description) && last.contains("transcode-audio"))
      try await Self.emit(api.database, "otto", "test.end")
      #expect(try await other.allSatisfy { $0.event != "progress" })
    }
  }

  private static let emitting = Statement(
    name: "emit", sql: "select events.emit($1, $2, '{}') from generate_series(1, $3)", parameterTypes: [.text, .text, .int4])

  private static func emit(_ database: Database, _ user: String, _ type: String, count: Int32 = 1) async throws {
    _ = try await database.query(emitting, Parameters(user, type, count))
  }
}

/// Bytes in, events out, until somebody has enough.
private final class StreamReader: Sendable {
  private let state = Mutex((parser: ServerSentEventParser(), events: [ServerSentEvent]()))
  private let isEnough: @Sendable ([ServerSentEvent]) -> Bool

  init(_ isEnough: @escaping @Sendable ([ServerSentEvent]) -> Bool) { self.isEnough = isEnough }

  var events: [ServerSentEvent] { state.withLock { $0.events } }

  func take(_ bytes: [UInt8]) throws -> Bool {
    try state.withLock { state in
      state.events += try state.parser.push(bytes)
      return isEnough(state.events)
    }
  }
}
