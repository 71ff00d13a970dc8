import Foundation
import HTTP
import Testing

@testable import Activities

/// What a presigned URL does not allow.
@Suite struct PresignedSignatureTests {
  private static let time = SigningTime(seconds: 1_795_320_000)
  private static let credentials = SigningCredentials(keyID: "local", secret: "a secret", region: "local")

  private static func request(
    _ method: HTTPMethod = .put, _ change: (String) -> String = { $0 }, headers: (inout HTTPHeaders) -> Void = { _ in }
  ) throws -> HTTPRequest {
    let bucket = try Bucket("storage", at: "http://127.0.0.1:8080", credentials)
    let presigned = bucket.upload(
      try ObjectKey("incoming/a.mp3"), contentType: "audio/mpeg", sizeBytes: 7, from: time, lifetime: .seconds(900))
    var sent = presigned.headers
    sent["Host"] = "127.0.0.1:8080"
    headers(&sent)
    return try HTTPRequest(method: method, target: change(presigned.url), headers: sent)
  }

  private static func refusal(_ request: @autoclosure () throws -> HTTPRequest, at now: SigningTime = time) throws -> SignatureError? {
    let request = try request()
    do throws(SignatureError) {
      try PresignedSignature(request).verify(request, by: credentials, at: now)
      return nil
    } catch { return error }
  }

  @Test func `a request is taken as it was signed, to the last second`() throws {
    let request = try Self.request()
    #expect(try Self.refusal(request) == nil)
    #expect(try Self.refusal(request, at: SigningTime(seconds: Self.time.seconds + 900)) == nil)
    #expect(try Self.refusal(request, at: SigningTime(seconds: Self.time.seconds + 901)) == .expired)
    #expect(try Self.refusal(request, at: SigningTime(seconds: Self.time.seconds - 900)) == nil)
    #expect(try Self.refusal(request, at: SigningTime(seconds: Self.time.seconds - 901)) == .notYetValid)
  }

  @Test func `headers that do not matter may come along, those that do must be what was signed`() throws {
    #expect(try Self.refusal(Self.request(headers: { $0["User-Agent"] = "curl" })) == nil)
    #expect(try Self.refusal(Self.request(headers: { $0["Content-Type"] = " audio/mpeg " })) == nil)
    #expect(try Self.refusal(Self.request(headers: { $0["Content-Type"] = "text/html" })) == .signatureWrong)
    #expect(try Self.refusal(Self.request(headers: { $0["Content-Type"] = nil })) == .headersDiffer)
    #expect(try Self.refusal(Self.request(headers: { $0["Content-Length"] = "8" })) == .signatureWrong)
    #expect(try Self.refusal(Self.request(headers: { $0["Host"] = "evil.example" })) == .signatureWrong)
    #expect(try Self.refusal(Self.request(headers: { $0["Host"] = nil })) == .headersDiffer)
    #expect(try Self.refusal(Self.request(headers: { $0["x-amz-acl"] = "public-read" })) == .headersDiffer)
  }

  @Test func `another method, path or query is refused`() throws {
    for method: HTTPMethod in [.get, .delete, .post, .head] { #expect(try Self.refusal(Self.request(method)) == .signatureWrong) }
    let changes: [(String, String, SignatureError)] = [
      ("incoming/a.mp3", "incoming/b.mp3", .signatureWrong), ("incoming/a.mp3", "incoming//a.mp3", .signatureWrong),
      ("X-Amz-Expires=900", "X-Amz-Expires=9000", .signatureWrong), ("X-Amz-Expires=900", "X-Amz-Expires=604801", .malformed),
      ("X-Amz-Expires=900", "X-Amz-Expires=0", .malformed), ("X-Amz-Expires=900", "X-Amz-Expires=900&X-Amz-Expires=900", .malformed),
      ("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=none", .malformed), ("%2Flocal%2F", "%2Felsewhere%2F", .keyNotKnown),
      ("Credential=local", "Credential=other", .keyNotKnown), ("X-Amz-Date=2", "X-Amz-Date=1", .keyNotKnown),
      ("content-length%3B", "", .signatureWrong), ("%3Bhost", "", .headersDiffer),
      ("X-Amz-Signature=", "X-Amz-Signature=0", .signatureWrong),
      ("&X-Amz-Signature=", "&acl=&X-Amz-Signature=", .signatureWrong), ("X-Amz-Signature=", "Signature=", .malformed),
    ]
    for (old, new, expected) in changes {
      let request = try Self.request(
        .put,
        { url in
          #expect(url.contains(old))
          return url.replacing(old, with: new)
        })
      #expect(try Self.refusal(request) == expected, "\(old) -> \(new)")
    }
    #expect(try Self.refusal(HTTPRequest(method: .put, target: "/storage/incoming/a.mp3")) == .malformed)
  }

  @Test func `every single altered character of the signature is refused`() throws {
    for position in 0..<64 {
      let request = try Self.request(
        .put,
        { url in
          var bytes = Array(url.utf8)
          let index = bytes.count - 64 + position
          bytes[index] = bytes[index] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
          return String(decoding: bytes, as: UTF8.self)
        })
      #expect(try Self.refusal(request) == .signatureWrong)
    }
  }
}
