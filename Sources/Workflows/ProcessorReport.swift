import Orchestrator

/// How long a job that is done elsewhere may take.
public struct ProcessorTerms: Codable, Sendable, Equatable {
  public var timeoutMilliseconds: Int64
  /// Between two looks at a processor that is asked instead of calling back.
  public var pollMilliseconds: Int64

  public init(timeout: Duration, pollEvery: Duration) {
    timeoutMilliseconds = timeout.milliseconds
    pollMilliseconds = pollEvery.milliseconds
  }
}

/// What an external processor says of a job: its answer to the call, of a look, or by callback.
public struct ProcessorReport: Codable, Sendable, Equatable {
  public enum Status: String, Codable, Sendable, CaseIterable {
    case processing, completed, failed
  }

  /// One file of the result.
  public struct File: Codable, Sendable, Equatable {
    public var kind: String
    /// Where it is fetched from.
    public var url: String
    public var mediaType: String

    public init(kind: String, url: String, mediaType: String) {
      self.kind = kind
      self.url = url
      self.mediaType = mediaType
    }
  }

  public var status: Status
  /// Per cent.
  public var progress: Int?
  public var files: [File]?
  /// What is stored with the version: a JSON object.
  public var metadata: Payload?
  /// Why it failed, for whoever asked.
  public var error: String?
  /// Where the processor is asked how it stands; nil when it calls back.
  public var statusUrl: String?

  public init(
    status: Status, progress: Int? = nil, files: [File]? = nil, metadata: Payload? = nil, error: String? = nil, statusUrl: String? = nil
  ) {
    self.status = status
    self.progress = progress
    self.files = files
    self.metadata = metadata
    self.error = error
    self.statusUrl = statusUrl
  }

  public var isEnd: Bool { status != .processing }
}

/// A look at a processor that has not ended.
public struct ProcessorLook: Codable, Sendable, Equatable {
  public var work: JobWork
  public var statusUrl: String

  public init(work: JobWork, statusUrl: String) {
    self.work = work
    self.statusUrl = statusUrl
  }
}

/// A result that is to be fetched.
public struct ProcessorResult: Codable, Sendable, Equatable {
  public var work: JobWork
  public var report: ProcessorReport

  public init(work: JobWork, report: ProcessorReport) {
    self.work = work
    self.report = report
  }
}

extension Steps {
  /// Hands a job to its external processor.
  public static let callProcessor = Activity<JobWork, ProcessorReport>("call-processor", .processorCall)
  /// Asks it how the job stands.
  public static let pollProcessor = Activity<ProcessorLook, ProcessorReport>("poll-processor", .processorCall)
  /// Brings its result to staging. Fails with `InvalidAudio` for what is no sound.
  public static let fetchResult = Activity<ProcessorResult, JobOutput>("fetch-result", .processing)
}

extension FailureTypes {
  /// The external processor refused or failed; never tried again, the message is for whoever asked.
  public static let processorFailed = "ProcessorFailed"
  /// It said nothing in time.
  public static let processorTimedOut = "ProcessorTimedOut"
}

extension ActivityOptions {
  /// Another service, which may be down or busy for a while.
  static let processorCall = ActivityOptions(
    taskQueue: TaskQueues.media, startToClose: .minutes(1),
    retryPolicy: RetryPolicy(
      initialInterval: .seconds(1), maximumInterval: .seconds(60), maximumAttempts: 8,
      nonRetryableErrorTypes: [FailureTypes.processorFailed], hasFullJitter: true),
    onExhausted: .fail)
}
