import Cryptography
import Foundation
import HTTP
import TestSupport
import Testing

@testable import Activities

/// The store in a bucket, against moto, which computes every signature again.
@Suite(.serialized, .enabled(if: PythonTool.isInstalled, "run scripts/python-tools first"))
struct S3ObjectStoreTests {
  private struct World {
    let server: MotoServer
    let scratch: Scratch
    let store: S3ObjectStore

    init(checksSignatures: Bool = true, _ change: (inout S3ObjectStore.Sizes) -> Void = { _ in }, secret: String? = nil) throws {
      server = try MotoServer(checksSignatures: checksSignatures)
      scratch = try Scratch()
      var sizes = S3ObjectStore.Sizes()
      change(&sizes)
      let credentials = SigningCredentials(keyID: server.keyID, secret: secret ?? server.secret, region: MotoServer.region)
      let bucket = try Bucket("music", at: server.endpoint, credentials)
      store = try S3ObjectStore(S3Client(bucket: bucket, http: HTTPClient()), sizes: sizes, scratchFolder: scratch.file("written"))
    }

    func content(_ key: ObjectKey) async throws -> [UInt8] {
      let reader = try await store.open(key)
      return try await reader.read(at: 0, count: reader.size)
    }

    func files() -> [String] {
      (FileManager.default.enumerator(atPath: scratch.path)?.compactMap { $0 as? String } ?? []).filter {
        FileStatus(scratch.file($0)) != nil
      }
    }
  }

  private static func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

  @Test func `objects are put, read in ranges, copied, moved, listed and deleted, by requests whose signatures are right`() async throws {
    let world = try World()
    let store = world.store
    let (a, b, c) = (try ObjectKey("a/one.mp3"), try ObjectKey("a/two.m3u8"), try ObjectKey("b/three.json"))
    #expect(try await store.info(a) == nil)
    await #expect(throws: ObjectStoreError(.notFound, "")) { _ = try await store.open(a) }
    let bytes = Self.bytes(70_000)
    try await store.put(bytes, at: a)
    let info = try #require(try await store.info(a))
    #expect(info.size == 70_000 && info.contentType == "audio/mpeg" && info.age < .seconds(60) && info.age >= .zero)
    let reader = try await store.open(a)
    for (offset, count) in [(0, 70_000), (0, 1), (69_999, 1), (69_999, 100), (70_000, 1), (100, 0), (1000, 65_536), (0, Int.max)] {
      let end = min(offset + min(count, 70_000), 70_000)
      #expect(try await reader.read(at: offset, count: count) == Array(bytes[min(offset, end)..<end]), "\(offset), \(count)")
    }
    try await store.put([], at: b)
    #expect(try await world.content(b) == [])
    try await store.copy(a, to: c)
    #expect(try await world.content(c) == bytes)
    try await store.move(c, to: b)
    try await store.move(c, to: b)
    #expect(try await world.content(b) == bytes)
    await #expect(throws: ObjectStoreError(.notFound, "")) { try await store.move(c, to: try ObjectKey("b/none")) }
    await #expect(throws: ObjectStoreError(.unavailable, "")) {
      let old = try await store.open(a)
      try await store.put([1], at: a)
      _ = try await old.read(at: 0, count: 1)
    }
    #expect(try await store.list(in: ObjectKey("a"), after: nil, limit: 10).map(\.key.text) == ["a/one.mp3", "a/two.m3u8"])
    #expect(try await store.list(in: ObjectKey("a"), after: a, limit: 10).map(\.size) == [70_000])
    #expect(try await store.list(in: ObjectKey("a"), after: nil, limit: 1).map(\.size) == [1])
    let local = try await store.localFile(b, scratch: world.scratch.path)
    let copied = try #require(FileManager.default.contents(atPath: local))
    #expect([UInt8](copied) == bytes)
    await #expect(throws: ObjectStoreError(.notFound, "")) { _ = try await store.localFile(c, scratch: world.scratch.path) }
    for key in [a, b, c, a] { try await store.delete(key) }
    #expect(try await store.list(in: ObjectKey("a"), after: nil, limit: 10).isEmpty)
  }

  @Test func `what is large goes in parts, what is written piece by piece is there when it is whole, and the sweep takes the rest`()
    async throws
  {
    let world = try World({
      $0.partBytes = 5 << 20
      $0.copyBytes = 6 << 20
      $0.copyPartBytes = 5 << 20
    })
    let store = world.store
    let (key, other) = (try ObjectKey("staging/long.wav"), try ObjectKey("raw-track/long.wav"))
    let bytes = Self.bytes(12 << 20)
    let writer = try await store.write(key, limitBytes: bytes.count)
    for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
      try bytes[start..<start + 1 << 20].withUnsafeBytes { try writer.append($0) }
    }
    #expect(try await store.info(key) == nil)
    #expect(try await writer.commit() == bytes.count)
    #expect(try await world.content(key) == bytes && world.files().isEmpty)
    try await store.move(key, to: other)
    #expect(try await world.content(other) == bytes)
    #expect(try await store.info(key) == nil)
    let tooLong = try await store.write(key, limitBytes: 3)
    #expect(throws: ObjectStoreError(.tooLarge, "")) { try [1, 2, 3, 4].withUnsafeBytes { try tooLong.append($0) } }
    let abandoned = try await store.write(key, limitBytes: 3)
    abandoned.discard()
    #expect(world.files().isEmpty)
    _ = try await store.client.beginUpload(key)
    let failure = await #expect(throws: MediaError.self) {
      try await store.client.storeInParts(key, size: 10, partBytes: 5) { _, _, _ in throw MediaError(.truncated, "test") }
    }
    #expect(failure != nil)
    #expect(try await store.client.unfinishedUploads(olderThan: .zero).count == 1, "the one that failed was aborted")
    try await store.put([1], at: ObjectKey("incoming/left.mp3"))
    #expect(try await store.sweep(ObjectKey("incoming"), olderThan: .seconds(-60)) == 2)
    #expect(try await store.client.unfinishedUploads(olderThan: .zero).isEmpty)
    #expect(try await store.info(other) != nil)
  }

  @Test func `a wrong secret is refused at once and said without the secret`() async throws {
    let world = try World(secret: "not the secret of this key")
    let error = await #expect(throws: ObjectStoreError.self) { try await world.store.put([1], at: try ObjectKey("a/b")) }
    #expect(error?.code == .refused && error?.description.contains("SignatureDoesNotMatch") == true)
    #expect(error?.description.contains("not the secret") == false)
  }

  // MARK: - Parts by presigned URLs

  private struct Order: Encodable, Sendable {
    let endpoint: String
    let key: String
    let uploadID: String
    let urls: [String]
  }

  private struct Report: Decodable, Sendable {
    let numbers: [Int]
    let size: Int
    let sha256: String
  }

  private static let boto = """
    import hashlib, json, sys, urllib.request
    import boto3
    order = json.load(sys.stdin)
    client = boto3.client("s3", endpoint_url=order["endpoint"], region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    whole = hashlib.sha256()
    for number, url in enumerate(order["urls"], 1):
        part = bytes([number]) * (5 * 1024 * 1024 if number < len(order["urls"]) else 1000)
        whole.update(part)
        urllib.request.urlopen(urllib.request.Request(url, part, {"Content-Type": "audio/wav"}, method="PUT"), timeout=20)
    upload = {"Bucket": "music", "Key": order["key"], "UploadId": order["uploadID"]}
    parts = client.list_parts(**upload)["Parts"]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{k: part[k] for k in ("PartNumber", "ETag")} for part in parts]})
    body = client.get_object(Bucket="music", Key=order["key"])["Body"].read()
    assert hashlib.sha256(body).hexdigest() == whole.hexdigest()
    print(json.dumps({"numbers": [part["PartNumber"] for part in parts], "size": len(body), "sha256": whole.hexdigest()}))
    """

  @Test func `parts that others send by our URLs are put together by boto3, and read by us`() async throws {
    let world = try World(checksSignatures: false)
    let key = try ObjectKey("incoming/parts.wav")
    let bucket = world.store.client.bucket
    let uploadID = try await world.store.client.beginUpload(key)
    let urls = (1...3).map { bucket.uploadPart(key, number: $0, of: uploadID, from: SigningTime(Date()), lifetime: .seconds(60)).url }
    let order = Order(endpoint: world.server.endpoint, key: key.text, uploadID: uploadID, urls: urls)
    let report = try await PythonTool.run(Self.boto, order, as: Report.self)
    #expect(report.numbers == [1, 2, 3] && report.size == 10 << 20 + 1000)
    let content = try await world.content(key)
    #expect(Hexadecimal.encode(Digest.sha256(content)) == report.sha256)
    #expect(try await world.store.client.unfinishedUploads(olderThan: .seconds(-60)).isEmpty)
  }
}
