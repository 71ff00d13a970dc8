import Activities
import HTTP

/// Where files lie when not in a folder, and how others reach them.
struct StorageConfiguration: Sendable {
  var endpoint: String?
  var bucketName: String?
  /// Nil: `auto`.
  var region: String?
  var keyID: String?
  var secret: String?
  /// Made of those; nil: the local store.
  var bucket: Bucket?
  /// What clients call this service, for URLs of the local store; nil for what each calls it.
  var publicURL: String?
  /// How long a URL to store a file by is good.
  var urlLifetime = UploadLimits().urlLifetime

  /// The store itself.
  /// - Parameters:
  ///   - folder: of the local store.
  ///   - scratchFolder: where what is written to a bucket waits until it is whole.
  func makeStore(folder: String, scratchFolder: String, _ client: HTTPClient) throws -> any ObjectStore {
    guard let bucket else { return try LocalObjectStore(folder: folder) }
    return try S3ObjectStore(bucket, client: client, scratchFolder: scratchFolder)
  }

  /// How clients reach it.
  func access(_ tokens: OwnTokens) -> StorageAccess {
    if let bucket { .bucket(bucket) } else { .local(.local(tokens.signer), publicURL: publicURL) }
  }
}

extension Settings {
  static let storage: [Setting] = [
    .text(
      "--store-endpoint", "URL", "ORCHESTRATOR_STORE_ENDPOINT", \.storage.endpoint, standard: "files lie in `--store`",
      "an S3-compatible service to keep them in [instead](#files-in-a-bucket), `https://host`"),
    .text(
      "--store-bucket", "NAME", "ORCHESTRATOR_STORE_BUCKET", \.storage.bucketName,
      "bucket there, of this service alone; needed with the endpoint"),
    .text(
      "--store-region", "NAME", "ORCHESTRATOR_STORE_REGION", \.storage.region, standard: "`auto`",
      "region that requests are signed for; `auto` is R2's"),
    .text(
      nil, nil, "ORCHESTRATOR_STORE_KEY_ID", \.storage.keyID, "access key; needed with the endpoint", isSecret: true),
    .text(nil, nil, "ORCHESTRATOR_STORE_SECRET", \.storage.secret, "its secret; needed with the endpoint", isSecret: true),
    Setting(
      "--public-url", "URL", "ORCHESTRATOR_PUBLIC_URL", \.storage.publicURL, standard: "what each client calls it",
      "what clients and external processors call this service, for presigned URLs of the local store and for callbacks"
    ) { value in
      do {
        _ = try Bucket(StorageRoutes.bucket, at: value.text, SigningCredentials(keyID: "", secret: "", region: ""))
      } catch {
        throw UsageError("\(value.name) is written https://host or https://host:port, not '\(value.text)'")
      }
      return value.text
    },
    Setting(
      "--upload-url-minutes", "N", "ORCHESTRATOR_UPLOAD_URL_MINUTES", \.storage.urlLifetime, standard: "`15`",
      "how long a [URL to store a file by](api.md#uploading-straight-to-the-store) is good, 1 to 720"
    ) { try .seconds(60 * $0.number(in: 1...720)) },
  ]
}

extension Configuration {
  /// All of a bucket's settings are there, or none.
  @Sendable static func bucketIsWhole(_ configuration: inout Configuration) throws {
    let given = configuration.storage
    let needed = [
      ("ORCHESTRATOR_STORE_ENDPOINT", given.endpoint), ("ORCHESTRATOR_STORE_BUCKET", given.bucketName),
      ("ORCHESTRATOR_STORE_KEY_ID", given.keyID), ("ORCHESTRATOR_STORE_SECRET", given.secret),
    ]
    guard let endpoint = given.endpoint, let name = given.bucketName, let keyID = given.keyID, let secret = given.secret else {
      guard given.region != nil || needed.contains(where: { $0.1 != nil }) else { return }
      let missing = needed.filter { $0.1 == nil }.map(\.0).joined(separator: ", ")
      throw UsageError("to keep files in a bucket, set \(missing) too")
    }
    configuration.storage.bucket = try Bucket(
      name, at: endpoint, SigningCredentials(keyID: keyID, secret: secret, region: given.region ?? "auto"))
  }
}
