import Orchestrator

/// How a job stands. The raw values are what APIs and the database show.
public enum JobStatus: String, Codable, Sendable, CaseIterable {
  case pending, processing, completed, failed, cancelled

  public var isEnd: Bool { self == .completed || self == .failed || self == .cancelled }
}

/// What starts the workflow of a job; everything else is in the catalogue.
public struct AssetJob: Codable, Sendable, Equatable {
  public var jobID: JobID
  /// 1 is done first, 5 last.
  public var priority: Int

  public init(jobID: JobID, priority: Int) {
    self.jobID = jobID
    self.priority = priority
  }
}

/// What is to be done, with the input's version resolved to its file.
public struct JobWork: Codable, Sendable, Equatable {
  public var jobID: JobID
  public var assetID: AssetID
  /// For example loudness.
  public var type: String
  public var inputVersion: Int
  public var input: AssetFile
  /// As the type of job checked and completed them.
  public var parameters: Payload
  /// 1, and 1 more for each time that the job was asked for again.
  public var tries: Int
  /// Nil for what is done here.
  public var processor: ProcessorTerms?

  public init(jobID: JobID, assetID: AssetID, type: String, inputVersion: Int, input: AssetFile, parameters: Payload, tries: Int = 1) {
    self.jobID = jobID
    self.assetID = assetID
    self.type = type
    self.inputVersion = inputVersion
    self.input = input
    self.parameters = parameters
    self.tries = tries
  }
}

/// What a job made: files in staging, and what is known about them as a JSON object.
public struct JobOutput: Codable, Sendable, Equatable {
  public var jobID: JobID
  public var assetID: AssetID
  public var files: [AssetFile]
  public var metadata: Payload

  public init(jobID: JobID, assetID: AssetID, files: [AssetFile], metadata: Payload) {
    self.jobID = jobID
    self.assetID = assetID
    self.files = files
    self.metadata = metadata
  }
}

/// The end of a job that made nothing.
public struct JobEnd: Codable, Sendable, Equatable {
  public var jobID: JobID
  public var status: JobStatus
  /// For programs, for example invalid-audio.
  public var code: String?
  /// For people.
  public var message: String?

  public init(jobID: JobID, status: JobStatus, code: String? = nil, message: String? = nil) {
    self.jobID = jobID
    self.status = status
    self.code = code
    self.message = message
  }
}

/// What a completed job made.
public struct JobOutcome: Codable, Sendable, Equatable {
  /// The version that the job added to its asset.
  public var createdVersion: Int

  public init(createdVersion: Int) { self.createdVersion = createdVersion }
}

extension Steps {
  /// The job is processing from now on; gives what is to be done.
  public static let beginJob = Activity<AssetJob, JobWork>("begin-job", .catalog)
  /// Makes the files of the new version in staging. Fails with `InvalidAudio`.
  public static let processAsset = Activity<JobWork, JobOutput>("process-asset", .processing)
  /// Puts the files in place and adds the version, once however often it is repeated; gives its number.
  public static let publishVersion = Activity<JobOutput, Int>("publish-version", .storage)
  /// Ends a job that made no version.
  public static let endJob = Activity<JobEnd, Nothing>("end-job", .catalog)
}

extension ActivityOptions {
  /// Work on a file for whoever asked for it, who is told when it fails and may ask again.
  static let processing = ActivityOptions(
    taskQueue: TaskQueues.media, startToClose: .minutes(60), heartbeat: .seconds(30),
    retryPolicy: RetryPolicy(maximumAttempts: 3, nonRetryableErrorTypes: [FailureTypes.invalidAudio]), onExhausted: .fail)
}
