import Activities
import Orchestrator
import Workflows

/// An asset as the API shows it.
struct AssetDocument: Encodable {
  let id: String
  let artistId: String
  let status: String
  /// Absent while there is none.
  let latestVersion: Int32?
  let createdAt: String
  let updatedAt: String
  let url: String

  init(_ asset: AssetRecord) {
    id = asset.id.description
    artistId = asset.artistID
    status = asset.status.rawValue
    latestVersion = asset.latestVersion > 0 ? asset.latestVersion : nil
    createdAt = Timestamp.text(asset.createdAt)
    updatedAt = Timestamp.text(asset.updatedAt)
    url = "/api/v1/assets/\(asset.id)"
  }
}

/// One version of an asset.
struct AssetVersionDocument: Encodable {
  struct File: Encodable {
    let kind: String
    let objectKey: String
    let mediaType: String
    let sizeBytes: Int64
    let durationMilliseconds: Int64?
    /// Asks for a URL of the file.
    let downloadUrl: String
  }

  let version: Int32
  let fromVersion: Int32?
  let jobId: String?
  let createdAt: String
  let metadata: Payload
  let files: [File]

  init(_ record: AssetVersionRecord, of asset: AssetID) {
    version = record.version
    fromVersion = record.fromVersion
    jobId = record.jobID?.description
    createdAt = Timestamp.text(record.createdAt)
    metadata = record.metadata
    files = record.files.map {
      File(
        kind: $0.kind, objectKey: $0.key, mediaType: $0.mediaType, sizeBytes: $0.sizeBytes, durationMilliseconds: $0.durationMilliseconds,
        downloadUrl: "/api/v1/assets/\(asset)/download?version=\(record.version)&kind=\($0.kind)")
    }
  }
}

/// Where a file is read without an access token.
struct DownloadDocument: Encodable {
  let url: String
  let expiresAt: String
  let version: Int32
  let kind: String
  let mediaType: String
  let sizeBytes: Int64
}

/// A job as the API shows it.
struct JobDocument: Encodable {
  struct Fault: Encodable {
    let code: String
    let message: String
  }

  let id: String
  let workflowId: String
  let type: String
  let assetId: String
  let inputVersion: Int32
  let inputKind: String
  let priority: Int16
  let parameters: Payload
  let status: String
  /// Per cent of this attempt.
  let progress: Int16
  /// Of the processing, in this try.
  let attempts: Int32
  /// How often it was asked for.
  let tries: Int32
  let createdVersion: Int32?
  let error: Fault?
  let requestedBy: String
  let createdAt: String
  let startedAt: String?
  let updatedAt: String
  let finishedAt: String?
  let url: String

  init(_ job: JobRecord) {
    id = job.id.description
    workflowId = job.id.workflowID
    type = job.type
    assetId = job.assetID.description
    inputVersion = job.inputVersion
    inputKind = job.inputKind
    priority = job.priority
    parameters = job.parameters
    status = job.status.rawValue
    progress = job.progress
    attempts = job.attempt
    tries = job.tries
    createdVersion = job.createdVersion
    error = job.errorCode.map { Fault(code: $0, message: job.error ?? "") }
    requestedBy = job.requestedBy
    createdAt = Timestamp.text(job.createdAt)
    startedAt = job.startedAt.map(Timestamp.text)
    updatedAt = Timestamp.text(job.updatedAt)
    finishedAt = job.finishedAt.map(Timestamp.text)
    url = "/api/v1/jobs/\(job.id)"
  }
}
