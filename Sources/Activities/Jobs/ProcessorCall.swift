import Cryptography
import Foundation
import HTTP
import Orchestrator
import Workflows

/// Speaks to an external processor about one job: signed requests, answers that are a stranger's.
struct ProcessorCall: Sendable {
  /// Bytes of an answer.
  static let largestAnswer = 256 << 10
  static let timeout = Duration.seconds(30)

  private struct Request: Encodable {
    struct Input: Encodable {
      let url: String
      let expiresAt: String
      let version: Int
      let kind: String
      let mediaType: String
      let sizeBytes: Int64
    }
    struct Callback: Encodable {
      let url: String
      let token: String
    }

    let jobId: JobID
    let type: String
    let assetId: AssetID
    let parameters: Payload
    let input: Input
    let callback: Callback
  }

  let processor: ExternalProcessor
  let links: ProcessorLinks
  let client: HTTPClient

  /// Hands the job over. Repeated it has the same `webhook-id`, so that a processor knows it again.
  func start(_ work: JobWork) async throws -> ProcessorReport {
    let (url, expiresAt) = try links.input(work, processor.timeout)
    let (callback, token) = try links.callback(work, processor.timeout)
    let input = Request.Input(
      url: url, expiresAt: Date(timeIntervalSince1970: expiresAt).formatted(.iso8601), version: work.inputVersion, kind: work.input.kind,
      mediaType: work.input.mediaType, sizeBytes: work.input.sizeBytes)
    let body = try PayloadCodec.encode(
      Request(
        jobId: work.jobID, type: work.type, assetId: work.assetID, parameters: work.parameters, input: input,
        callback: Request.Callback(url: callback, token: token)))
    var request = HTTPClientRequest(.post, processor.url, headers: ["Content-Type": "application/json"], body: .bytes(body.bytes))
    request.addressPolicy = .unrestricted
    return try await send(request, work, body.bytes)
  }

  /// Asks how the job stands.
  func look(_ look: ProcessorLook) async throws -> ProcessorReport {
    var request = HTTPClientRequest(.get, look.statusUrl)
    request.addressPolicy = processor.addressPolicy
    return try await send(request, look.work, [])
  }

  private func send(_ request: HTTPClientRequest, _ work: JobWork, _ body: [UInt8]) async throws -> ProcessorReport {
    var request = request
    request.totalTimeout = Self.timeout
    request.responseLimitBytes = Self.largestAnswer
    let id = "\(work.jobID)-\(work.tries)"
    let now = Int64(Date().timeIntervalSince1970)
    request.headers[WebhookSignature.idHeader] = id
    request.headers[WebhookSignature.timestampHeader] = String(now)
    request.headers[WebhookSignature.signatureHeader] = WebhookSignature.sign(id: id, timestamp: now, body: body, by: [processor.secret])
    let response = try await Self.requireSuccess(of: { try await client.send(request) })
    // 202 without a word: the result comes by callback.
    return response.body.isEmpty ? ProcessorReport(status: .processing) : try ProcessorReport(checking: response.body)
  }

  /// Fetches one file of a result.
  func fetch(_ file: ProcessorReport.File, to path: String) async throws {
    var request = HTTPClientRequest(.get, file.url)
    request.addressPolicy = processor.addressPolicy
    request.totalTimeout = .minutes(50)
    request.idleTimeout = .seconds(60)
    request.responseLimitBytes = processor.resultBytes
    let sent = request
    _ = try await Self.requireSuccess(of: { try await client.download(sent, to: path) })
  }

  /// A service that is down or busy is asked again, as late as it wishes; what it refuses it refuses.
  private static func requireSuccess(of transfer: () async throws -> HTTPClientResponse) async throws -> HTTPClientResponse {
    do {
      let response = try await transfer()
      let status = response.status.rawValue
      if (200..<300).contains(status) { return response }
      let isBusy = status >= 500 || status == 429 || status == 408
      throw ApplicationFailure(
        type: isBusy ? "ProcessorUnavailable" : FailureTypes.processorFailed, message: "The processor answered \(status).",
        isRetryable: isBusy, nextRetryDelay: isBusy ? response.retryAfter.map { min($0, .minutes(10)) } : nil)
    } catch let error as HTTPClientError where error.code == .cancelled {
      throw CancellationError()
    } catch let error as HTTPClientError {
      throw ApplicationFailure(
        type: error.isTransient ? "ProcessorUnavailable" : FailureTypes.processorFailed, message: error.description,
        isRetryable: error.isTransient)
    }
  }
}

extension ProcessorReport {
  /// Files of one result.
  public static let mostFiles = 10
  private static let longestURL = 4096
  private static let longestError = 1000
  private static let largestMetadata = 64 << 10

  /// Takes what came from a processor.
  /// - Throws: `ApplicationFailure` `ProcessorFailed`: what it says makes no sense, and would not when it is asked again.
  public init(checking bytes: [UInt8]) throws {
    do {
      try JSONLimits().check(bytes)
      self = try JSONDecoder().decode(ProcessorReport.self, from: Data(bytes))
    } catch {
      throw Self.refusal("is not the JSON that is expected")
    }
    try check()
  }

  private func check() throws {
    guard progress.map({ 0...100 ~= $0 }) ?? true else { throw Self.refusal("has a progress that is not 0 to 100") }
    guard error.map({ $0.count <= Self.longestError }) ?? true else {
      throw Self.refusal("has an error of more than \(Self.longestError) characters")
    }
    guard metadata.map({ $0.bytes.count <= Self.largestMetadata && $0.bytes.first == UInt8(ascii: "{") }) ?? true else {
      throw Self.refusal("has metadata that is no object of at most 64 KiB")
    }
    guard ([statusUrl].compactMap { $0 } + (files ?? []).map(\.url)).allSatisfy(Self.isURL) else {
      throw Self.refusal("has a URL that is not http or https, or is too long")
    }
    guard status == .completed else { return }
    let kinds = (files ?? []).map(\.kind)
    guard 1...Self.mostFiles ~= kinds.count, kinds.allSatisfy(AssetFile.isKind), Set(kinds).count == kinds.count else {
      throw Self.refusal("needs 1 to \(Self.mostFiles) files, each of another kind, such as vocals")
    }
    for file in files ?? [] where (try? MediaType(declared: file.mediaType)) == nil {
      throw Self.refusal("has a file of a type that is not taken; known are \(MediaType.allCases.map(\.rawValue).joined(separator: ", "))")
    }
  }

  private static func isURL(_ text: String) -> Bool {
    text.utf8.count <= longestURL && (text.hasPrefix("https://") || text.hasPrefix("http://"))
      && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }

  private static func refusal(_ reason: String) -> ApplicationFailure {
    ApplicationFailure(type: FailureTypes.processorFailed, message: "The processor's report \(reason).", isRetryable: false)
  }
}
