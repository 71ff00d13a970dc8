import Cryptography
import Foundation
import HTTP
import TestSupport
import Testing

@testable import Activities

/// Signatures as AWS and botocore have them.
@Suite struct SigningTests {
  private static let time = SigningTime(seconds: 1_369_353_600)
  private static let example = SigningCredentials(
    keyID: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region: "us-east-1")
  private static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

  private static func headers(_ more: HTTPHeaders, hash: String) -> HTTPHeaders {
    var headers = more
    headers["Host"] = "examplebucket.s3.amazonaws.com"
    headers["x-amz-content-sha256"] = hash
    headers["x-amz-date"] = "20130524T000000Z"
    return headers
  }

  @Test func `the examples of the AWS manual get the signatures of the AWS manual`() {
    let credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    let presigned = CanonicalRequest(
      .get, path: "/test.txt",
      query: [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", credential), ("X-Amz-Date", "20130524T000000Z"),
        ("X-Amz-Expires", "86400"), ("X-Amz-SignedHeaders", "host"),
      ], headers: ["Host": "examplebucket.s3.amazonaws.com"])
    let stored = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
    let put = CanonicalRequest(
      .put, path: "/test$file.text", query: [],
      headers: Self.headers(["Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"], hash: stored),
      payloadHash: stored)
    func get(_ path: String, _ query: CanonicalRequest.Query, _ more: HTTPHeaders = [:]) -> CanonicalRequest {
      CanonicalRequest(.get, path: path, query: query, headers: Self.headers(more, hash: Self.empty), payloadHash: Self.empty)
    }
    for (request, signature) in [
      (presigned, "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"),
      (get("/test.txt", [], ["Range": "bytes=0-9"]), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
      (put, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
      (get("/", [("lifecycle", "")]), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
      (get("/", [("prefix", "J"), ("max-keys", "2")]), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ] {
      #expect(Self.example.signature(of: request, at: Self.time) == signature, "\(request.text)")
    }
  }

  @Test(arguments: [
    ("", ""), ("AZaz09-._~", "AZaz09-._~"), ("a b", "a%20b"), ("+*!'()", "%2B%2A%21%27%28%29"), ("/", "%2F"), ("å", "%C3%A5"),
    ("%2F", "%252F"), ("a=b&c", "a%3Db%26c"), ("\u{1F3B5}", "%F0%9F%8E%B5"),
  ])
  func `everything but the unreserved characters of RFC 3986 is encoded, byte by byte`(text: String, encoded: String) {
    #expect(PercentEncoding.encode(text) == encoded)
    #expect(PercentEncoding.encode("/\(text)/", keepingSlashes: true) == "/\(encoded.replacing("%2F", with: text == "/" ? "/" : "%2F"))/")
  }

  @Test func `a second is written in one way and read in that way only`() {
    for seconds: Int64 in [0, 951_782_400, 1_369_353_600, 1_709_164_800, 4_102_444_799] {
      let time = SigningTime(seconds: seconds)
      #expect(SigningTime(time.text) == time)
      #expect(time.text == time.date.formatted(.iso8601.dateSeparator(.omitted).timeSeparator(.omitted)))
    }
    for text in [
      "", "20130524T000000", "20130524t000000Z", "20130524T000000z", "20130431T000000Z", "20130524T240000Z", "2013052 T000000Z",
      "+0130524T000000Z",
    ] {
      #expect(SigningTime(text) == nil, "\(text)")
    }
  }

  @Test(arguments: [
    "ftp://host", "https://", "https://host/?a=b", "https://user@host", "https://host:123456", "host", "https://ho st", "https://host/a//b",
  ])
  func `an endpoint that is none is refused`(endpoint: String) {
    #expect(throws: ObjectStoreError.self) { try Bucket("music", at: endpoint, Self.example) }
  }

  @Test func `the secret is not told by what is printed`() {
    #expect(!"\(Self.example)".contains("wJalr"))
    #expect(!String(describing: try? Bucket("music", at: "https://s3.example", Self.example)).contains("wJalr"))
  }

  // MARK: - botocore

  private struct Case: Codable, Sendable {
    var endpoint: String
    var region: String
    var keyID: String
    var secret: String
    var key: String
    var uploadID: String
    var seconds: Int64
    var lifetime: Int64
    var body: String
  }

  private struct Signed: Decodable, Sendable {
    let put: String
    let get: String
    let part: String
    let authorization: String
  }

  private static let botocore = """
    import datetime, json, sys
    import boto3, botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.config import Config
    from botocore.credentials import Credentials
    answers = []
    for case in json.load(sys.stdin):
        frozen = datetime.datetime.fromtimestamp(case["seconds"], datetime.timezone.utc)
        botocore.auth.get_current_datetime = lambda: frozen
        client = boto3.client(
            "s3", endpoint_url=case["endpoint"], region_name=case["region"], aws_access_key_id=case["keyID"],
            aws_secret_access_key=case["secret"], config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
        def presign(name, **more):
            return client.generate_presigned_url(name, {"Bucket": "music", "Key": case["key"], **more}, ExpiresIn=case["lifetime"])
        request = AWSRequest("PUT", f'{case["endpoint"]}/music/{case["key"]}?partNumber=7&uploadId=a%2Fb%2Bc', data=case["body"].encode(),
                             headers={"Content-Type": "audio/mpeg", "x-amz-copy-source": "music/a b"})
        signer = botocore.auth.S3SigV4Auth(Credentials(case["keyID"], case["secret"]), "s3", case["region"])
        signer.add_auth(request)
        answers.append({
            "put": presign("put_object", ContentType="audio/mpeg", ContentLength=len(case["body"])),
            "get": presign("get_object", ResponseContentDisposition="attachment; filename*=UTF-8''a%20%C3%A5%2B.mp3"),
            "part": presign("upload_part", PartNumber=7, UploadId=case["uploadID"]), "authorization": request.headers["Authorization"]})
    print(json.dumps(answers))
    """

  private static func cases(_ count: Int, seed: UInt64) -> [Case] {
    var generator = SplitMix64(seed: seed)
    func text(_ alphabet: String, _ count: ClosedRange<Int>) -> String {
      String((0..<Int.random(in: count, using: &generator)).map { _ in alphabet.randomElement(using: &generator) ?? "a" })
    }
    let endpoints = ["https://s3.eu-central-1.amazonaws.com", "http://127.0.0.1:9000", "https://x.r2.example:443", "http://[::1]:8333"]
    return (0..<count).map { index in
      Case(
        endpoint: endpoints[index % endpoints.count], region: ["auto", "eu-central-1"].randomElement(using: &generator) ?? "auto",
        keyID: text("AKIA0123456789", 3...20), secret: text("abcXYZ019/+=", 8...60),
        key: text("abz09-_", 1...9) + "/" + text("aZ9-_", 1...30) + ".mp3",
        uploadID: text("aZ09-_.~/+= &", 1...40), seconds: Int64.random(in: 1_600_000_000...2_000_000_000, using: &generator),
        lifetime: Int64.random(in: 1...604_800, using: &generator), body: text("abc\n", 1...300))
    }
  }

  @Test(.enabled(if: PythonTool.isInstalled, "run scripts/python-tools first"))
  func `what we sign is what botocore signs in the same second, byte for byte, and we take what botocore signs`() async throws {
    let seed: UInt64 = 6
    let cases = Self.cases(24, seed: seed)
    let answers = try await PythonTool.run(Self.botocore, cases, as: [Signed].self)
    #expect(answers.count == cases.count)
    for (number, (one, theirs)) in zip(cases, answers).enumerated() {
      let credentials = SigningCredentials(keyID: one.keyID, secret: one.secret, region: one.region)
      let bucket = try Bucket("music", at: one.endpoint, credentials)
      let (key, time, life) = (try ObjectKey(one.key), SigningTime(seconds: one.seconds), Duration.seconds(one.lifetime))
      let size = Int64(one.body.utf8.count)
      let put = bucket.upload(key, contentType: "audio/mpeg", sizeBytes: size, from: time, lifetime: life)
      let get = bucket.download(key, fileName: "a å+.mp3", from: time, lifetime: life)
      let part = bucket.uploadPart(key, number: 7, of: one.uploadID, from: time, lifetime: life)
      let signed = bucket.sign(
        .put, key, query: [("partNumber", "7"), ("uploadId", "a/b+c")],
        headers: ["Content-Type": "audio/mpeg", "x-amz-copy-source": "music/a b"],
        payloadHash: Hexadecimal.encode(Digest.sha256(one.body.utf8)),
        at: time)
      #expect(put.url == theirs.put.replacing(":443/", with: "/"), "seed \(seed), case \(number)")
      #expect(get.url == theirs.get.replacing(":443/", with: "/"), "seed \(seed), case \(number)")
      #expect(part.url == theirs.part.replacing(":443/", with: "/"), "seed \(seed), case \(number)")
      #expect(signed.headers["Authorization"] == theirs.authorization, "seed \(seed), case \(number)")
      for (method, url) in [(HTTPMethod.put, theirs.put), (.get, theirs.get), (.put, theirs.part)] {
        var headers: HTTPHeaders = url == theirs.put ? ["content-length": "\(size)", "content-type": "audio/mpeg"] : [:]
        headers["Host"] = bucket.host
        let request = try HTTPRequest(method: method, target: url, headers: headers)
        #expect(throws: Never.self) { try PresignedSignature(request).verify(request, by: credentials, at: time) }
      }
    }
  }
}
