import Orchestrator
import PostgreSQL
import Workflows

/// A request for a job, checked.
public struct NewJob: Sendable {
  public var id = JobID()
  public var assetID: AssetID
  public var type: String
  /// Nil for the latest version.
  public var inputVersion: Int32?
  /// Nil for the version's only file, or its source.
  public var inputKind: String?
  public var priority: Int16
  public var parameters: Payload
  public var requestedBy: String
  /// The client's key and the fingerprint of all it sent, 32 bytes; nil without a key.
  public var idempotency: (key: String, fingerprint: [UInt8])?

  public init(
    assetID: AssetID, type: String, inputVersion: Int32?, inputKind: String?, priority: Int16, parameters: Payload, requestedBy: String,
    idempotency: (key: String, fingerprint: [UInt8])?
  ) {
    self.assetID = assetID
    self.type = type
    self.inputVersion = inputVersion
    self.inputKind = inputKind
    self.priority = priority
    self.parameters = parameters
    self.requestedBy = requestedBy
    self.idempotency = idempotency
  }
}

/// What became of a request for a job.
public enum JobSubmission: Sendable, Equatable {
  case accepted
  /// The same request came before: this is its job.
  case repeated(JobID)
  /// The key was used for another request.
  case keyReused
}

extension TrackCatalog {
  /// Jobs of one asset that have not ended.
  public static let openJobsPerAsset: Int32 = 20

  /// Stores a job and starts its workflow in one transaction.
  public func submit(_ job: NewJob) async throws -> JobSubmission {
    let rows = try await call(
      JobStatements.submit,
      Parameters(
        job.id.uuid, job.assetID.uuid, job.type, job.inputVersion, job.inputKind, job.priority, job.parameters.text, job.requestedBy,
        job.idempotency?.key, job.idempotency?.fingerprint, Self.openJobsPerAsset))
    if try rows.bool(0, 1) { return .accepted }
    return try rows.bool(0, 2) ? .repeated(JobID(try rows.uuid(0, 0))) : .keyReused
  }

  /// - Throws: `CatalogError.jobNotFound`.
  public func job(_ id: JobID) async throws -> JobRecord {
    let rows = try await call(JobStatements.job, Parameters(id.uuid))
    guard rows.count == 1 else { throw CatalogError(.jobNotFound, "there is no job \(id)") }
    return try JobRecord(rows, 0)
  }

  /// Newest first.
  /// - Parameter limit: 1 to 200.
  public func jobs(of assetID: AssetID?, status: JobStatus?, after cursor: TrackCursor?, limit: Int) async throws -> [JobRecord] {
    var parameters = Parameters(assetID?.uuid, status?.rawValue)
    parameters.append(cursor)
    parameters.append(Int64(min(max(limit, 1), 200)))
    let rows = try await call(JobStatements.jobs, parameters)
    return try (0..<rows.count).map { try JobRecord(rows, $0) }
  }

  /// The job is processing from now on.
  /// - Throws: `CatalogError.jobStatusUnfit`.
  public func begin(_ id: JobID) async throws -> JobWork {
    let rows = try await call(JobStatements.begin, Parameters(id.uuid))
    guard rows.count == 1 else { throw CatalogError(.jobStatusUnfit, "job \(id) has ended, or its input is gone") }
    return JobWork(
      jobID: id, assetID: AssetID(try rows.uuid(0, 0)), type: try rows.text(0, 1), inputVersion: Int(try rows.int32(0, 2)),
      input: AssetFile(
        kind: try rows.text(0, 4), key: try rows.text(0, 5), mediaType: try rows.text(0, 6), sizeBytes: try rows.int64(0, 7),
        durationMilliseconds: try rows.optional(0, 8, rows.int64)),
      parameters: Payload(json: Array(try rows.text(0, 3).utf8)), tries: Int(try rows.int32(0, 9)))
  }

  /// Shows how far an attempt is, in per cent.
  public func reportProgress(_ id: JobID, percent: Int, attempt: Int32) async throws {
    _ = try await call(JobStatements.reportProgress, Parameters(id.uuid, Int16(min(max(percent, 0), 100)), attempt))
  }

  /// Tells the job's workflow what its processor said.
  /// - Parameter requestID: the same one again changes nothing.
  public func report(_ report: ProcessorReport, of id: JobID, requestID: String) async throws {
    _ = try await call(JobStatements.report, Parameters(id.workflowID, ProcessAsset.report.name, try json(report), requestID))
  }

  /// The number of the version that the job adds; nil while another one of the asset is being put in place.
  public func reserveVersion(_ id: JobID) async throws -> Int? {
    let rows = try await call(JobStatements.reserveVersion, Parameters(id.uuid))
    return try rows.optional(0, 0, rows.int32).map { Int($0) }
  }

  /// Shows the reserved version with its files, which are in place, and completes the job.
  public func complete(_ id: JobID, files: [AssetFile], metadata: Payload) async throws -> Int {
    Int(try await call(JobStatements.complete, Parameters(id.uuid, try json(files), metadata.text)).int32(0, 0))
  }

  public func end(_ job: JobEnd) async throws {
    _ = try await call(JobStatements.end, Parameters(job.jobID.uuid, job.status.rawValue, job.code, job.message))
  }

  /// Asks a job to stop. One that is cancelled already stays so.
  /// - Throws: `CatalogError`: `jobNotFound`, `jobStatusUnfit`.
  public func cancel(_ id: JobID, by user: String) async throws { _ = try await call(JobStatements.cancel, Parameters(id.uuid, user)) }

  /// Does a job again that failed or was cancelled.
  /// - Throws: `CatalogError`: `jobNotFound`, `jobStatusUnfit`.
  public func retry(_ id: JobID, by user: String) async throws { _ = try await call(JobStatements.retry, Parameters(id.uuid, user)) }

  /// Ends jobs whose run was stopped without its code. Returns how many, at most 1,000 a call.
  public func settleJobs() async throws -> Int { Int(try await call(JobStatements.settle, Parameters(Int32(1000))).int32(0, 0)) }
}
