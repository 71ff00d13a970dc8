import Activities

extension Settings {
  /// What is taken from uploaders, and who listens to it.
  static let pipeline: [Setting] = [
    .number(
      "--max-upload-bytes", "ORCHESTRATOR_MAX_UPLOAD_BYTES", \.uploads.fileBytes, in: 1...(100 << 30), "largest file that is taken"),
    .number(
      "--max-resumable-bytes", "ORCHESTRATOR_MAX_RESUMABLE_BYTES", \.uploads.resumableBytes, in: 1...(5 << 40),
      "largest file that is taken [in parts](api.md#uploading-in-parts)"),
    Setting(
      "--upload-expiry-minutes", "N", "ORCHESTRATOR_UPLOAD_EXPIRY_MINUTES", \.uploads.resumableWithin,
      standard: "`\(Configuration.standard.uploads.resumableWithin.components.seconds / 60)`", "how long an upload in parts may stand still"
    ) { .seconds(60 * (try $0.number(in: 1...525_600))) },
    .number(
      "--open-uploads", "ORCHESTRATOR_OPEN_UPLOADS", \.uploads.openUploads, in: 1...10_000, "uploads in parts that a user may have open"),
    .number(
      "--uploads-per-hour", "ORCHESTRATOR_UPLOADS_PER_HOUR", \.uploads.uploadsPerHour, in: 1...1_000_000,
      "uploads of any kind that a user may begin in an hour"),
    .number(
      "--upload-quota-bytes", "ORCHESTRATOR_UPLOAD_QUOTA_BYTES", \.uploads.quotaBytes, in: 1...(1 << 60),
      "originals of a user together"),
    Setting(
      "--clamd", "ADDRESS", "ORCHESTRATOR_CLAMD", \.clamd, standard: "no scanner",
      "`host:port` or the socket's path of a [virus scanner](#virus-scanner), for processes that run the queue `media`", parse: scanner),
    .number(
      "--review-claim-minutes", "ORCHESTRATOR_REVIEW_CLAIM_MINUTES", \.reviewClaimMinutes, in: 1...1440,
      "how long a reviewer's claim on a track lasts unless it is extended"),
    Setting(
      "--profanity", "FLAG", "ORCHESTRATOR_PROFANITY", \.profanity, standard: "`flag`",
      "words that many do not want to read, in what people write: `flag` shows them to reviewers, `block` refuses them"
    ) { value in
      guard let policy = ProfanityPolicy(rawValue: value.text) else {
        throw UsageError("\(value.name) is flag or block, not '\(value.text)'")
      }
      return policy
    },
    Setting(
      "--stream-link-minutes", "N", "ORCHESTRATOR_STREAM_LINK_MINUTES", \.streamLinkMinutes, standard: "streams are open",
      "streams need signed links, which last so long, 1 to 10080"
    ) { try $0.number(in: 1...10_080) },
    .text(
      "--lyrics-url", "URL", "LYRICS_URL", \.lyricsURL, standard: "the offline stand-in",
      "service that speaks Gemini's generateContent; needs `GEMINI_API_KEY`"),
    .text("--lyrics-model", "NAME", "LYRICS_MODEL", \.lyricsModel, "model that is asked for"),
    .text(
      nil, nil, "GEMINI_API_KEY", \.lyricsKey, "key of that service; no option, so that it stands in no process list", isSecret: true),
    .text(
      "--processors", "FILE", "ORCHESTRATOR_PROCESSORS", \.processorsFile, standard: "none",
      "JSON file with the [external processors](#external-processors) of jobs and their secrets, the same for all processes; "
        + "needs `ORCHESTRATOR_PUBLIC_URL`"),
  ]

  @Sendable private static func scanner(_ value: SettingText) throws(UsageError) -> ClamdAddress? {
    if value.text.isEmpty { return nil }
    guard let address = ClamdAddress(value.text) else {
      throw UsageError("\(value.name) is host:port or the path of a socket, not '\(value.text)'")
    }
    return address
  }
}
