import Workflows

/// What an upload may be at most, and what one user may upload.
struct UploadLimits: Sendable {
  /// Bytes of the file; default 100 MiB.
  var fileBytes = 100 << 20
  /// Bytes of a file that comes in parts; default 10 GiB.
  var resumableBytes = 10 << 30
  /// How long an upload in parts may stand still before it is removed; default 72 hours.
  var resumableWithin = Duration.seconds(72 * 3600)
  /// Uploads in parts that a user may have open; default 20.
  var openUploads = 20
  /// Uploads of any kind that a user may begin in an hour; default 300.
  var uploadsPerHour = 300
  /// Bytes of all originals of a user together; default 200 GiB.
  var quotaBytes = 200 << 30
  /// Bytes beside the file: part heads, delimiters, text fields; default 256 KiB.
  var formBytes = 256 << 10
  /// How long a URL to store a file by is good; default 15 minutes.
  var urlLifetime = Duration.seconds(15 * 60)
  /// Uploads of one artist that were announced and are not there yet; default 100.
  var openRequests = 100
  /// How long a track waits for its review before it is blocked; default 14 days.
  var reviewWithin = Duration.seconds(14 * 86_400)
  /// How long a reviewer's claim lasts unless it is extended; default 15 minutes.
  var reviewClaim = Duration.seconds(15 * 60)
  /// What is done about profanity in texts; it is flagged by default.
  var profanity = ProfanityPolicy.flag
  /// How long failed lyrics may be retried after the review; default 30 days.
  var lyricsWithin = Duration.seconds(30 * 86_400)
}
