import HTTP
import Orchestrator
import Testing

@testable import Activities

@Suite struct WebhookScheduleTests {
  private let schedule = WebhookSchedule()

  private func next(_ status: Int, attempt: Int = 1, retryAfter: Duration? = nil, chance: Double = 0) -> WebhookSchedule.Next {
    schedule.next(after: .answered(HTTPStatus(rawValue: status), retryAfter: retryAfter), attempt: attempt, chance: chance)
  }

  @Test func `Ten attempts in three days, each wait up to a tenth longer by chance`() {
    var waits: [Duration] = []
    for attempt in 1...9 {
      guard case .retry(let wait) = next(500, attempt: attempt) else { break }
      waits.append(wait)
    }
    #expect(
      waits == [
        .seconds(5), .minutes(5), .minutes(30), .hours(2), .hours(5), .hours(10), .hours(14), .hours(20), .hours(24),
      ])
    #expect(next(500, attempt: 10) == .failed)
    #expect(next(500, attempt: 3, chance: 1) == .retry(after: .minutes(33)))
    #expect(schedule.next(after: .failed("timed-out"), attempt: 1, chance: 0) == .retry(after: .seconds(5)))
    #expect(schedule.next(after: .failed("timed-out"), attempt: 10, chance: 0) == .failed)
  }

  @Test func `Only 2xx is success, redirects are not followed, 410 ends it, what cannot succeed is not tried again`() {
    for status in [200, 201, 204, 299] { #expect(next(status) == .delivered, "\(status)") }
    for status in [100, 301, 302, 307, 400, 401, 404, 500, 503] { #expect(next(status) == .retry(after: .seconds(5)), "\(status)") }
    #expect(next(410) == .endpointGone)
    #expect(schedule.next(after: .impossible("address-forbidden"), attempt: 1, chance: 0) == .failed)
  }

  @Test func `Retry-After makes a wait longer where the answer may have one, and at most a day`() {
    for status in [429, 502, 503, 504] { #expect(next(status, retryAfter: .seconds(90)) == .retry(after: .seconds(90)), "\(status)") }
    #expect(next(500, retryAfter: .seconds(90)) == .retry(after: .seconds(5)))
    #expect(next(503, attempt: 2, retryAfter: .seconds(1)) == .retry(after: .minutes(5)), "never sooner than planned")
    #expect(next(503, retryAfter: .hours(1000)) == .retry(after: .hours(24)))
  }
}
