import Activities
import Cryptography
import Foundation
import HTTP
import Orchestrator
import Workflows

// What external processors report.
extension AssetAPI {
  private static let largestReport = 256 << 10

  func addProcessorRoutes(to router: inout Router) {
    router.on(.post, "/api/v1/webhooks/jobs/{id}") { try await takeReport($0) }
  }

  /// `POST /api/v1/webhooks/jobs/{id}`: signed by the processor's secret (Standard Webhooks), with the token of this try of the job. The same
  /// again, a second end, or one that comes late changes nothing.
  private func takeReport(_ request: HTTPRequest) async throws -> HTTPResponse {
    let job = try await catalog.job(Self.jobID(request))
    guard let processor = jobTypes.processor(of: job.type) else {
      throw CatalogError(.jobNotFound, "there is no job \(job.id) that is done elsewhere")
    }
    let body = try await request.body.collect(upTo: Self.largestReport)
    let headers = request.headers
    let messageID = headers[WebhookSignature.idHeader]
    do {
      try WebhookSignature.verify(
        id: messageID, timestamp: headers[WebhookSignature.timestampHeader], signature: headers[WebhookSignature.signatureHeader],
        body: body, by: [processor.secret], now: Int64(Date().timeIntervalSince1970))
    } catch {
      throw APIProblem(.unauthorized, "webhook-refused", APIProblem.sentence("the message is not believed: \(error)"))
    }
    guard let token = headers["Authorization"].flatMap(Self.bearer) else {
      throw Authentication.refusal("Send the token of the callback as 'Authorization: Bearer <token>'.", isTokenWrong: false)
    }
    do {
      try await tokens.requireReport(token, of: ProcessorAddresses.subject(job.id, tries: Int(job.tries)))
    } catch let error as TokenError {
      throw Authentication.refusal("The token of the callback is not taken: \(error).")
    }
    let report: ProcessorReport
    do {
      report = try ProcessorReport(checking: body)
    } catch let failure as ApplicationFailure {
      throw APIProblem(.unprocessableContent, "invalid-value", failure.message)
    }
    guard !job.status.isEnd else { return HTTPResponse(.noContent) }
    if report.isEnd {
      try await catalog.report(report, of: job.id, requestID: "processor/\(messageID ?? "")")
      wake()
    } else {
      try await catalog.reportProgress(job.id, percent: min(report.progress ?? 0, 99), attempt: 1)
    }
    return HTTPResponse(.noContent)
  }

  private static func bearer(_ header: String) -> String? {
    let parts = header.split(separator: " ")
    return parts.count == 2 && parts[0].lowercased() == "bearer" ? String(parts[1]) : nil
  }
}
