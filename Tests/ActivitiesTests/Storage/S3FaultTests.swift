import Foundation
import HTTP
import Synchronization
import Testing

@testable import Activities

/// What the client of a bucket makes of a store that fails.
@Suite struct S3FaultTests {
  /// A store that answers in turn, the last answer for ever, and notes what was asked.
  private final class Script: Sendable {
    private let state: Mutex<(answers: [HTTPResponse], requests: [String])>

    init(_ answers: [HTTPResponse]) { state = Mutex((answers, [])) }

    var requests: [String] { state.withLock { $0.requests } }

    func answer(_ request: HTTPRequest) async -> HTTPResponse {
      _ = try? await request.body.collect(upTo: 1 << 20)
      let query = request.query.map { $0.value.isEmpty ? $0.name : "\($0.name)=\($0.value)" }.joined(separator: "&")
      return state.withLock { state in
        state.requests.append("\(request.method.rawValue) \(request.path)\(query.isEmpty ? "" : "?\(query)")")
        return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
      }
    }
  }

  private static func error(_ status: Int, _ code: String) -> HTTPResponse {
    HTTPResponse(
      HTTPStatus(rawValue: status),
      body: .bytes(Array(#"<?xml version="1.0"?><Error><Code>\#(code)</Code><Message>no &amp; no</Message></Error>"#.utf8)))
  }

  private static func answer(_ body: String, _ headers: HTTPHeaders = [:]) -> HTTPResponse {
    HTTPResponse(headers: headers, body: .bytes(Array(body.utf8)))
  }

  private static let begun = answer("<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
  private static let stored = answer("", ["ETag": "\"tag\""])

  /// What the body threw, and what was asked of a store that answers so.
  private static func asking(
    _ answers: [HTTPResponse], _ body: (S3ObjectStore) async throws -> Void
  ) async throws -> (error: ObjectStoreError?, requests: [String]) {
    let script = Script(answers)
    let server = try HTTPServer { await script.answer($0) }
    let scratch = try Scratch()
    var client = S3Client(
      bucket: try Bucket("m1", at: "http://127.0.0.1:\(server.port)", SigningCredentials(keyID: "k", secret: "s", region: "r")),
      http: HTTPClient())
    client.pace.firstDelay = .milliseconds(1)
    var sizes = S3ObjectStore.Sizes()
    sizes.partBytes = 4
    let store = try S3ObjectStore(client, sizes: sizes, scratchFolder: scratch.path)
    var failure: ObjectStoreError?
    do { try await body(store) } catch let error as ObjectStoreError { failure = error }
    await server.drain(within: .seconds(5))
    return (failure, script.requests)
  }

  private static let key = "a/b"

  private static func put(_ count: Int) -> (S3ObjectStore) async throws -> Void {
    { try await $0.put(Array(repeating: 7, count: count), at: ObjectKey(key)) }
  }

  @Test(arguments: [(503, "SlowDown"), (500, "InternalError"), (503, ""), (502, ""), (400, "RequestTimeout"), (200, "InternalError")])
  func `what fails for a time is tried again, five times at most`(status: Int, code: String) async throws {
    let mended = try await Self.asking([Self.error(status, code), Self.error(status, code), Self.stored], Self.put(3))
    #expect(mended.error == nil && mended.requests.count == 3)
    let broken = try await Self.asking([Self.error(status, code)], Self.put(3))
    #expect(broken.error?.code == .unavailable && broken.requests.count == 5)
  }

  @Test(arguments: [
    (403, "SignatureDoesNotMatch"), (403, "RequestTimeTooSkewed"), (403, "AccessDenied"), (400, "InvalidArgument"), (200, "AccessDenied"),
  ])
  func `what was refused is not tried again`(status: Int, code: String) async throws {
    let answer = try await Self.asking([Self.error(status, code)], Self.put(3))
    #expect(answer.requests.count == 1 && answer.error?.description.contains(code) == true)
    #expect(answer.error?.code == (status == 200 ? .unavailable : .refused))
  }

  @Test func `an upload in parts is completed again when the store says so late, and aborted when a part is refused`() async throws {
    let late = try await Self.asking(
      [Self.begun, Self.stored, Self.stored, Self.error(200, "InternalError"), Self.answer("<CompleteMultipartUploadResult/>")], Self.put(6)
    )
    #expect(late.error == nil)
    #expect(
      late.requests == [
        "POST /m1/a/b?uploads", "PUT /m1/a/b?partNumber=1&uploadId=u1", "PUT /m1/a/b?partNumber=2&uploadId=u1", "POST /m1/a/b?uploadId=u1",
        "POST /m1/a/b?uploadId=u1",
      ])
    let refused = try await Self.asking([Self.begun, Self.stored, Self.error(403, "AccessDenied")], Self.put(6))
    #expect(refused.error?.code == .refused)
    #expect(refused.requests.last == "DELETE /m1/a/b?uploadId=u1")
  }

  @Test func `an upload whose completion was not answered is looked for`() async throws {
    let head = HTTPResponse(headers: ["ETag": "\"t\""], body: .bytes([1, 2, 3, 4, 5, 6]))
    let done = try await Self.asking([Self.begun, Self.stored, Self.stored, Self.error(404, "NoSuchUpload"), head], Self.put(6))
    #expect(done.error == nil && done.requests.last == "HEAD /m1/a/b")
    let gone = try await Self.asking([Self.begun, Self.stored, Self.stored, Self.error(404, "NoSuchUpload")], Self.put(6))
    #expect(gone.error?.code == .notFound)
  }

  @Test func `a part without a tag, and answers that are no XML, are told as the store's fault`() async throws {
    for answers in [[Self.answer("{}")], [Self.begun, Self.answer("")]] {
      #expect(try await Self.asking(answers, Self.put(6)).error?.code == .unavailable)
    }
    let list = try await Self.asking([Self.answer("<a>")]) { _ = try await $0.list(in: ObjectKey("a"), after: nil, limit: 5) }
    #expect(list.error?.code == .unavailable)
  }

  @Test func `a list goes on until it has what was asked for, and leaves out keys that are not ours`() async throws {
    func page(_ keys: [String], _ next: String?) -> HTTPResponse {
      let contents = keys.map { "<Contents><Key>\($0)</Key><LastModified>2026-11-22T03:04:05.000Z</LastModified><Size>5</Size></Contents>" }
      let more = next.map { "<IsTruncated>true</IsTruncated><NextContinuationToken>\($0)</NextContinuationToken>" } ?? ""
      return Self.answer("<ListBucketResult xmlns=\"x\">\(contents.joined())\(more)</ListBucketResult>")
    }
    let pages = [page(["a/ä", "a//"], "t/1"), page(["a/1", "a/&amp;"], "t2"), page(["a/2"], "t3")]
    var found: [String] = []
    let asked = try await Self.asking(pages) { found = try await $0.list(in: ObjectKey("a"), after: nil, limit: 2).map(\.key.text) }
    #expect(found == ["a/1", "a/2"])
    #expect(
      asked.requests == [
        "GET /m1?list-type=2&prefix=a/&max-keys=2", "GET /m1?list-type=2&prefix=a/&max-keys=2&continuation-token=t/1",
        "GET /m1?list-type=2&prefix=a/&max-keys=1&continuation-token=t2",
      ])
  }
}
