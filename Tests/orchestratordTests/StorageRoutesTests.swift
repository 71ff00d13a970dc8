import Foundation
import TestSupport
import Testing

@testable import Activities
@testable import HTTP
@testable import orchestratord

/// The local store by presigned URLs: what is signed works, and nothing else does or leaves anything behind.
@Suite struct StorageRoutesTests {
  private static let key = "incoming/a/b/song.mp3"
  private static let time = SigningTime(Date())
  private static let life = Duration.seconds(900)

  private static func bucket(_ host: String = "127.0.0.1:8080", secret: String = "not-a-secret") throws -> Bucket {
    try Bucket("storage", at: "http://\(host)", SigningCredentials(keyID: "local", secret: secret, region: "local"))
  }

  private static func upload(_ size: Int, secret: String = "not-a-secret") throws -> PresignedRequest {
    try bucket(secret: secret).upload(ObjectKey(key), contentType: "audio/mpeg", sizeBytes: Int64(size), from: time, lifetime: life)
  }

  private func send(
    _ api: TestAPI, _ presigned: PresignedRequest, _ method: HTTPMethod? = nil, body: [UInt8] = [], _ headers: HTTPHeaders = [:]
  ) async throws -> Answer {
    var sent = presigned.headers
    sent["Host"] = "127.0.0.1:8080"
    for field in headers.fields { sent[field.name] = field.value }
    return try await api.send(method ?? presigned.method, presigned.url, as: nil, headers: sent, body: body)
  }

  @Test func `What was signed is stored and read back, whole and in ranges, by its URL alone`() async throws {
    let api = try await TestAPI()
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
    #expect(try await send(api, Self.upload(1000), body: bytes).status == 200)
    let get = try Self.bucket().download(ObjectKey(Self.key), fileName: "Blå.mp3", from: Self.time, lifetime: Self.life)
    let whole = try await send(api, get)
    #expect(whole.fileBytes == bytes && whole.response.headers["Content-Type"] == "audio/mpeg")
    #expect(whole.response.headers["Content-Disposition"] == "attachment; filename*=UTF-8''Bl%C3%A5.mp3")
    let part = try await send(api, get, body: [], ["Range": "bytes=10-19"])
    #expect(part.status == 206 && part.fileBytes == Array(10..<20))
    #expect(part.response.headers["Content-Range"] == "bytes 10-19/1000")
    #expect(try await send(api, get, body: [], ["Range": "bytes=1000-"]).status == 416)
    let head = try Self.bucket().presign(.head, ObjectKey(Self.key), from: Self.time, lifetime: Self.life)
    #expect(try await send(api, head).status == 200)
    let missing = try Self.bucket().download(ObjectKey("incoming/none.mp3"), from: Self.time, lifetime: Self.life)
    #expect(try await send(api, missing).problem == "file-not-found")
  }

  @Test func `Forged, altered and late requests are refused with the right status and leave nothing behind`() async throws {
    let api = try await TestAPI()
    let bytes = Array("ID3 some song".utf8)
    let good = try Self.upload(bytes.count)
    func changed(_ old: String, _ new: String) -> PresignedRequest {
      PresignedRequest(method: .put, url: good.url.replacing(old, with: new), headers: good.headers, expiresAt: good.expiresAt)
    }
    let late = try Self.bucket().upload(
      ObjectKey(Self.key), contentType: "audio/mpeg", sizeBytes: Int64(bytes.count),
      from: SigningTime(seconds: Self.time.seconds - 1800), lifetime: Self.life)
    let unsized = try Self.bucket().presign(
      .put, ObjectKey(Self.key), headers: ["Content-Type": "audio/mpeg"], from: Self.time, lifetime: Self.life)
    let untyped = try Self.bucket().presign(
      .put, ObjectKey(Self.key), headers: ["Content-Length": "\(bytes.count)"], from: Self.time, lifetime: Self.life)
    let outside = try Self.bucket().upload(
      ObjectKey("x/y"), contentType: "audio/mpeg", sizeBytes: Int64(bytes.count), from: Self.time, lifetime: Self.life)
    for (name, presigned, headers, status, problem) in [
      ("another secret", try Self.upload(bytes.count, secret: "guess"), [:], 403, "signature-refused"),
      ("another key", changed("song.mp3", "other.mp3"), [:], 403, "signature-refused"),
      ("no signature", changed("X-Amz-Signature", "X-Signature"), [:], 400, "invalid-signature"),
      ("a longer life", changed("Expires=900", "Expires=90000"), [:], 403, "signature-refused"),
      ("expired", late, [:], 403, "url-expired"), ("no size", unsized, ["Content-Length": "\(bytes.count)"], 403, "signature-refused"),
      ("no type", untyped, [:], 403, "signature-refused"),
      ("another type", good, ["Content-Type": "text/html"], 403, "signature-refused"),
      ("another size", good, ["Content-Length": "\(bytes.count + 1)"], 403, "signature-refused"),
      ("an unsigned header for the store", good, ["x-amz-acl": "public-read"], 403, "signature-refused"),
      ("another host", good, ["Host": "evil.example"], 403, "signature-refused"),
      ("path traversal", changed("incoming/a", "incoming/%2e%2e%2f%2e%2e"), [:], 403, "signature-refused"),
    ] as [(String, PresignedRequest, HTTPHeaders, Int, String)] {
      let answer = try await send(api, presigned, body: bytes, headers)
      #expect(answer.status == status && answer.problem == problem, "\(name): \(answer.status) \(answer.problem ?? "")")
    }
    #expect(try await send(api, good, .get).problem == "signature-refused")
    #expect(try await send(api, outside, .delete).status == 405)
    #expect(try await api.send(.put, "/storage/\(Self.key)", body: bytes).problem == "invalid-signature", "a token is no signature")
    #expect(api.files == [])
  }

  @Test func `A key that would leave the store is refused even when somebody with the secret signed it`() async throws {
    let api = try await TestAPI()
    let time = Self.time.text
    for path in ["/storage/.hidden", "/storage/a//b", "/storage/a%5Cb", "/storage/%2e%2e%2fx"] {
      let credentials = TestAPI.storageCredentials
      let query: CanonicalRequest.Query = [
        ("X-Amz-Algorithm", SigningCredentials.algorithm), ("X-Amz-Credential", "local/\(credentials.scope(Self.time))"),
        ("X-Amz-Date", time), ("X-Amz-Expires", "900"), ("X-Amz-SignedHeaders", "host"),
      ]
      let request = try HTTPRequest(method: .get, target: path)
      let canonical = CanonicalRequest(.get, path: request.path, query: query, headers: ["Host": "h"])
      let url = "\(path)?\(CanonicalRequest.encoded(query))&X-Amz-Signature=\(credentials.signature(of: canonical, at: Self.time))"
      #expect(try await api.send(.get, url, as: nil, headers: ["Host": "h"]).status == 404, "\(path)")
    }
  }

  @Test func `A page of an allowed origin may store and read by URLs, one of another origin may not`() async throws {
    let api = try await TestAPI()
    let crossOrigin = try CrossOrigin("https://studio.example")
    var router = Router()
    router.use { try await crossOrigin.around($0, $1) }
    StorageRoutes(store: api.store, credentials: TestAPI.storageCredentials).addRoutes(to: &router)
    func preflight(_ origin: String) async throws -> HTTPHeaders {
      let headers: HTTPHeaders = [
        "Origin": origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type",
      ]
      return await router.respond(to: try HTTPRequest(method: .options, target: "/storage/\(Self.key)", headers: headers)).headers
    }
    let allowed = try await preflight("https://studio.example")
    #expect(allowed["Access-Control-Allow-Origin"] == "https://studio.example")
    #expect(allowed.contains(token: "PUT", in: "Access-Control-Allow-Methods"))
    #expect(allowed.contains(token: "content-type", in: "Access-Control-Allow-Headers"))
    #expect(try await preflight("https://evil.example")["Access-Control-Allow-Origin"] == nil)
  }

  // MARK: - Over sockets

  /// Presigns by boto3, then sends what a case says with nothing of boto3's.
  private static let boto = """
    import hashlib, base64, json, socket, sys, urllib.error, urllib.request
    import boto3
    from botocore.config import Config
    order = json.load(sys.stdin)
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{order['port']}", region_name="local", aws_access_key_id="local",
                          aws_secret_access_key="not-a-secret", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
    def send(method, url, body=None, headers={}):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
    def put(body, **more):
        params = {"Bucket": "storage", "Key": "incoming/x.mp3", "ContentType": "audio/mpeg", "ContentLength": len(body), **more}
        return client.generate_presigned_url("put_object", params, ExpiresIn=60)
    body = bytes(range(256)) * 20000
    types = {"Content-Type": "audio/mpeg"}
    answers = {}
    answers["stored"] = send("PUT", put(body), body, types)[0]
    get = client.generate_presigned_url("get_object", {"Bucket": "storage", "Key": "incoming/x.mp3"}, ExpiresIn=60)
    answers["same"] = int(send("GET", get)[1] == body)
    answers["range"] = send("GET", get, headers={"Range": "bytes=0-99"})[0]
    answers["tooShort"] = send("PUT", put(body), body[:-1], types)[0]
    answers["type"] = send("PUT", put(body), body, {"Content-Type": "text/html"})[0]
    digest = base64.b64encode(hashlib.sha256(b"abc").digest()).decode()
    checked = put(b"abc", ChecksumSHA256=digest)
    answers["digest"] = send("PUT", checked, b"abc", types | {"x-amz-checksum-sha256": digest})[0]
    answers["wrongDigest"] = send("PUT", checked, b"abd", types | {"x-amz-checksum-sha256": digest})[0]
    url = put(body).split("127.0.0.1")[1]
    with socket.create_connection(("127.0.0.1", order["port"])) as connection:
        head = f"PUT {url[url.index('/'):]} HTTP/1.1\\r\\nHost: 127.0.0.1:{order['port']}\\r\\nContent-Type: audio/mpeg\\r\\n"
        connection.sendall((head + f"Content-Length: {len(body)}\\r\\n\\r\\n").encode() + body[:100000])
    answers["last"] = int(send("GET", get)[1] == b"abc")
    print(json.dumps(answers))
    """

  @Test(.enabled(if: PythonTool.isInstalled, "run scripts/python-tools first"))
  func `URLs that boto3 signs work over sockets, and an upload that is cut off leaves what was there before`() async throws {
    let api = try await TestAPI()
    var router = Router()
    StorageRoutes(store: api.store, credentials: TestAPI.storageCredentials).addRoutes(to: &router)
    let server = try HTTPServer(router: router)
    let answers = try await PythonTool.run(Self.boto, ["port": Int(server.port)], as: [String: Int].self)
    let expected = [
      "stored": 200, "same": 1, "range": 206, "tooShort": 403, "type": 403, "digest": 200, "wrongDigest": 400, "last": 1,
    ]
    #expect(answers == expected)
    await server.drain(within: .seconds(5))
    #expect(api.files == ["objects/incoming/x.mp3"])
  }
}
