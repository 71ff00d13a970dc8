import Orchestrator

/// The steps of the pipeline, as workflows name them; the module Activities implements them.
public enum Steps {
  public static let changeStatus = Activity<StatusChange, Nothing>("change-track-status", .catalog)
  /// Before anything opens the file. The verdict is the result, whatever it is; only a scanner that could not be asked is a failure.
  public static let scan = Activity<AudioSource, SecurityScan>("scan-upload", .scan)
  /// Size, and the declared type against the content. Fails with `InvalidAudio`.
  public static let validate = Activity<AudioSource, Nothing>("validate-audio", .inspection)
  /// The whole file decoded once: exact length, format, tags. Fails with `InvalidAudio`.
  public static let probe = Activity<AudioSource, MediaProbe>("probe-audio", .inspection)
  /// Staging to final; the result names the final key.
  public static let store = Activity<AudioSource, AudioSource>("store-original", .storage)
  public static let waveform = Activity<ProbedAudio, [WaveformLevel]>("draw-waveform", .media)
  public static let transcode = Activity<ProbedAudio, StreamingOutput>("transcode-audio", .media)
  public static let transcribe = Activity<ProbedAudio, Lyrics>("transcribe-lyrics", .lyrics)
  public static let changeLyrics = Activity<LyricsChange, Nothing>("change-lyrics", .catalog)
  /// Stores what processing made and moves the track to REVIEWING.
  public static let openReview = Activity<ProcessedTrack, Nothing>("open-review", .catalog)
  /// Applies the one decision of a round: the one that was stored first wins. The result is the status it led to.
  public static let applyReview = Activity<TrackReview, TrackStatus>("apply-review", .catalog)
  /// Opens the review of a track that was sent again, or blocks one that was not. The result is the status it led to.
  public static let reopenReview = Activity<ReviewReopening, TrackStatus>("reopen-review", .catalog)
  /// Removes every file of a track that failed, the upload in staging and all that was made of it.
  public static let discard = Activity<AudioSource, Nothing>("discard-files", .storage)
}

/// The step of webhooks.
extension Steps {
  /// One attempt to send an event to an endpoint; the verdict says what follows.
  public static let deliverWebhook = Activity<WebhookAttempt, WebhookVerdict>("deliver-webhook", .webhooks)
}

/// The task queues a worker may serve.
public enum TaskQueues {
  public static let catalog = "catalog"
  public static let media = "media"
  public static let lyrics = "lyrics"
  public static let webhooks = "webhooks"
}

/// Failure types that steps agree on.
public enum FailureTypes {
  /// The uploaded file is at fault, never tried again; the message is for the artist.
  public static let invalidAudio = "InvalidAudio"
  /// The uploaded file holds malware.
  public static let infected = "Infected"
}

extension ActivityOptions {
  /// Short statements in the database: tried until the database is back, at least two hours, then an operator decides.
  static let catalog = ActivityOptions(
    taskQueue: TaskQueues.catalog, startToClose: .seconds(30),
    retryPolicy: RetryPolicy(initialInterval: .milliseconds(200), maximumInterval: .seconds(60), maximumAttempts: 130),
    onExhausted: .park)

  /// A request to a program of somebody else: what that does wrong is a verdict, so only our own faults are tried again here.
  static let webhooks = ActivityOptions(
    taskQueue: TaskQueues.webhooks, startToClose: .minutes(1),
    retryPolicy: RetryPolicy(initialInterval: .milliseconds(200), maximumInterval: .seconds(60), maximumAttempts: 130),
    onExhausted: .park)

  /// Moving and removing files.
  static let storage = ActivityOptions(
    taskQueue: TaskQueues.media, startToClose: .minutes(5),
    retryPolicy: RetryPolicy(initialInterval: .milliseconds(500), maximumInterval: .seconds(60), maximumAttempts: 130),
    onExhausted: .park)

  /// Asking the virus scanner: tried until it is back, at least two hours, then an operator decides.
  static let scan = ActivityOptions(
    taskQueue: TaskQueues.media, startToClose: .minutes(30), heartbeat: .seconds(30),
    retryPolicy: RetryPolicy(initialInterval: .seconds(1), maximumInterval: .seconds(60), maximumAttempts: 130), onExhausted: .park)

  /// Looking at a file nobody trusts yet: a file that is at fault fails the track at once, one that kills its tools fails it after three attempts.
  static let inspection = ActivityOptions(
    taskQueue: TaskQueues.media, startToClose: .minutes(15), heartbeat: .seconds(30),
    retryPolicy: RetryPolicy(maximumAttempts: 3, nonRetryableErrorTypes: [FailureTypes.invalidAudio]), onExhausted: .fail)

  /// Work on a file that was decoded as a whole before: what fails here is our fault, so an operator repairs and retries.
  static let media = ActivityOptions(
    taskQueue: TaskQueues.media, startToClose: .minutes(30), heartbeat: .seconds(30),
    retryPolicy: RetryPolicy(maximumAttempts: 3), onExhausted: .park)

  /// An external service, which may be down, slow, over its quota or wrong.
  static let lyrics = ActivityOptions(
    taskQueue: TaskQueues.lyrics, startToClose: .minutes(10), heartbeat: .seconds(60),
    retryPolicy: RetryPolicy(initialInterval: .seconds(1), maximumInterval: .seconds(60), maximumAttempts: 4, hasFullJitter: true),
    onExhausted: .fail)

  /// After the lyrics failed and the artist was told: one more attempt, then an operator retries, completes or fails the step by hand.
  static let lyricsByOperator = ActivityOptions(
    taskQueue: TaskQueues.lyrics, startToClose: .minutes(10), heartbeat: .seconds(60), retryPolicy: RetryPolicy(maximumAttempts: 1),
    onExhausted: .park)
}
