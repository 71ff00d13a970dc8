extension Settings {
  /// What is taken from uploaders, and who listens to it.
  static let pipeline: [Setting] = [
    .number(
      "--max-upload-bytes", "ORCHESTRATOR_MAX_UPLOAD_BYTES", \.uploadBytes, in: 1...(100 << 30), "largest file that is taken"),
    .text(
      "--lyrics-url", "URL", "LYRICS_URL", \.lyricsURL, standard: "the offline stand-in",
      "service that speaks Gemini's generateContent; needs `GEMINI_API_KEY`"),
    .text("--lyrics-model", "NAME", "LYRICS_MODEL", \.lyricsModel, "model that is asked for"),
    .text(
      nil, nil, "GEMINI_API_KEY", \.lyricsKey, "key of that service; no option, so that it stands in no process list", isSecret: true),
  ]
}
