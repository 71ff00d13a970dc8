import Foundation
import HTTP
import Orchestrator
import PostgreSQL

/// One-step workflows started over HTTP on loopback, in a process that serves and owns; from the first request until all have ended.
struct HTTPStarts: BenchmarkDriver {
  let url: String
  let inFlight: Int
  let database: BenchmarkDatabase
  private let client = HTTPClient()

  init(url: String, inFlight: Int, database: BenchmarkDatabase) {
    (self.url, self.inFlight, self.database) = (url, inFlight, database)
  }

  func measure(_ numbers: Range<Int>) async throws -> BenchmarkTally {
    try await database.measureStarts(numbers, inFlight: inFlight) { number in
      let begun = ContinuousClock.now
      let response = try await client.send(try request(number))
      guard response.status == .created else {
        throw BenchmarkError("a start over HTTP was answered \(response.status): \(String(decoding: response.body, as: UTF8.self))")
      }
      return (ContinuousClock.now - begun).seconds * 1000
    }
  }

  private struct Body: Encodable {
    let type: String
    let workflowId: String
    let input: BenchmarkPayload
  }

  private func request(_ number: Int) throws -> HTTPClientRequest {
    let body = Body(type: BenchmarkOneStep.name, workflowId: "http-\(number)", input: BenchmarkPayload(number))
    var request = HTTPClientRequest(
      .post, "\(url)/api/v1/workflows", headers: ["Content-Type": "application/json"],
      body: .bytes(Array(try JSONEncoder().encode(body))))
    request.addressPolicy = .publicOrLoopback
    return request
  }
}

/// One-step workflows started by the SQL function, each in a transaction of its own; another process owns them.
struct SQLStarts: BenchmarkDriver {
  private let inFlight: Int
  private let database: BenchmarkDatabase
  private let pool: Database

  init(inFlight: Int, database: BenchmarkDatabase) throws {
    (self.inFlight, self.database) = (inFlight, database)
    pool = try Database(database.engine, maximumConnections: min(inFlight, 16))
  }

  func measure(_ numbers: Range<Int>) async throws -> BenchmarkTally {
    try await database.measureStarts(numbers, inFlight: inFlight) { number in
      let begun = ContinuousClock.now
      let input = String(decoding: try JSONEncoder().encode(BenchmarkPayload(number)), as: UTF8.self)
      _ = try await pool.query(
        BenchmarkStatements.startOne, Parameters(BenchmarkOneStep.name, "sql-\(number)", input))
      return (ContinuousClock.now - begun).seconds * 1000
    }
  }
}

extension BenchmarkDatabase {
  /// Starts them all and waits until they have ended; the times are those of the acknowledgements.
  fileprivate func measureStarts(
    _ numbers: Range<Int>, inFlight: Int, _ start: @escaping @Sendable (Int) async throws -> Double
  ) async throws -> BenchmarkTally {
    let closedBefore = try await figure(BenchmarkStatements.closedRuns)
    let begun = ContinuousClock.now
    let times = try await LoadDriver(inFlight: inFlight).run(numbers, start)
    let startSeconds = (ContinuousClock.now - begun).seconds
    _ = try await wait(for: BenchmarkStatements.closedRuns, toReach: closedBefore + numbers.count)
    return BenchmarkTally(
      seconds: (ContinuousClock.now - begun).seconds, units: numbers.count, times: times,
      details: ["start_seconds": startSeconds])
  }
}
