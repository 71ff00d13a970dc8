import Foundation
import HTTP
import Orchestrator
import PostgreSQL
import Synchronization

/// Streams of events that are open and silent, each of a user of its own, in a serving process: what they cost, and how long a change takes to
/// reach one of them.
struct IdleStreams: BenchmarkDriver {
  /// What the serving process and this one sign channel tokens with.
  static let secret = "the benchmark's channel tokens, both sides"

  let server: BenchmarkProcess
  let database: BenchmarkDatabase
  let progress: BenchmarkProgress
  private let client = HTTPClient()

  private static let patience = Duration.seconds(120)
  private static let idleMilliseconds = 200...10_000
  private static let changes = 200

  init(server: BenchmarkProcess, database: BenchmarkDatabase, progress: BenchmarkProgress) {
    (self.server, self.database, self.progress) = (server, database, progress)
  }

  func measure(_ numbers: Range<Int>) async throws -> BenchmarkTally {
    let begun = ContinuousClock.now
    let before = ProcessReading(of: server.identifier)
    let board = StreamBoard()
    let tokens = OwnTokens(try TokenSigner(Self.secret))
    let readers = try numbers.map { number in
      let request = try request(number, tokens)
      return Task { _ = try? await client.send(request) { _, bytes in board.received(number, bytes) } }
    }
    defer { for reader in readers { reader.cancel() } }
    try await board.wait(until: { $0.ready == numbers.count }, upTo: Self.patience)
    let openSeconds = (ContinuousClock.now - begun).seconds
    let idle = try await idlePercent(numbers.count)
    let open = ProcessReading(of: server.identifier)
    progress.say("streams: \(Self.changes) changes, one at a time")
    var times: [Double] = []
    for change in 0..<min(Self.changes, 5 * numbers.count) {
      // Otherwise each would come right behind the look that told the one before.
      try await Task.sleep(for: .milliseconds(.random(in: 0...100)))
      times.append(try await seconds(of: numbers.lowerBound + change * 7919 % numbers.count, board) * 1000)
    }
    return BenchmarkTally(
      seconds: (ContinuousClock.now - begun).seconds, units: numbers.count, times: times,
      details: [
        "open_seconds": openSeconds, "idle_cpu_percent": idle, "server_rss_mb": Double(open.residentBytes) / 1_000_000,
        "server_rss_bytes_per_stream": Double(open.residentBytes - before.residentBytes) / Double(numbers.count),
      ])
  }

  private func request(_ number: Int, _ tokens: OwnTokens) throws -> HTTPClientRequest {
    let token = try tokens.channel(for: EventAPI.userChannel, of: Self.user(number))
    var request = HTTPClientRequest(.get, "\(server.word)/api/v1/events?channelToken=\(token)")
    request.addressPolicy = .publicOrLoopback
    request.connectTimeout = Self.patience
    request.totalTimeout = nil
    return request
  }

  private static func user(_ number: Int) -> String { "follower-\(number)" }

  /// Processor time of the serving process while nothing happens.
  private func idlePercent(_ count: Int) async throws -> Double {
    let milliseconds = min(max(count * 5, Self.idleMilliseconds.lowerBound), Self.idleMilliseconds.upperBound)
    progress.say("streams: \(count) open, idle for \(milliseconds) ms")
    let (before, begun) = (ProcessReading(of: server.identifier), ContinuousClock.now)
    try await Task.sleep(for: .milliseconds(milliseconds))
    let after = ProcessReading(of: server.identifier)
    return (after.processorSeconds - before.processorSeconds) / (ContinuousClock.now - begun).seconds * 100
  }

  /// From before the commit of a change until its follower has received it.
  private func seconds(of number: Int, _ board: StreamBoard) async throws -> Double {
    let seen = board.events(of: number)
    let begun = ContinuousClock.now
    try await onOwnThread { [database] in
      _ = try PipelineConnection(database.engine).run((BenchmarkStatements.emitEvent, Parameters(Self.user(number))))
    }
    try await board.wait(until: { $0.events[number] ?? 0 > seen }, upTo: Self.patience)
    return (board.lastEvent(of: number) - begun).seconds
  }
}

/// What the streams have received.
private final class StreamBoard: Sendable {
  struct Contents {
    var ready = 0
    var events: [Int: Int] = [:]
    var times: [Int: ContinuousClock.Instant] = [:]
  }

  private let contents = Mutex(Contents())

  func events(of number: Int) -> Int { contents.withLock { $0.events[number] ?? 0 } }
  func lastEvent(of number: Int) -> ContinuousClock.Instant { contents.withLock { $0.times[number] ?? .now } }

  /// Frames are small: each comes in one piece.
  func received(_ number: Int, _ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    contents.withLock { contents in
      if text.contains("event: ready") { contents.ready += 1 }
      if text.contains("bench.change") {
        contents.events[number, default: 0] += 1
        contents.times[number] = .now
      }
    }
  }

  func wait(until isReached: @Sendable (Contents) -> Bool, upTo patience: Duration) async throws {
    let deadline = ContinuousClock.now + patience
    while !contents.withLock({ isReached($0) }) {
      guard ContinuousClock.now < deadline else { throw BenchmarkError("after \(patience) the streams had not received what was sent") }
      try await Task.sleep(for: .milliseconds(2))
    }
  }
}

/// What another process holds and has used, as proc(5) tells it.
private struct ProcessReading {
  let residentBytes: Int
  let processorSeconds: Double

  init(of process: pid_t) {
    let memory = (try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8)) ?? ""
    residentBytes = (memory.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * sysconf(Int32(_SC_PAGESIZE))
    // The name may hold blanks: the fields are counted behind its closing parenthesis.
    let status = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
    let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
    let ticks = fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
    processorSeconds = Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }
}
