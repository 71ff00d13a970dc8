import Orchestrator

/// A type of job that is done here: its checked parameters, and what it does with a file.
protocol LocalJob: Codable, Sendable {
  /// As requests name it.
  static var name: String { get }

  init(_ parameters: inout JobParameters) throws(JobParameterError)

  /// Writes the result into the tool's scratch folder.
  func run(_ tool: AudioTool, progress: @escaping StageProgress.Callback) async throws -> LocalResult
}

/// What a job made, as a local file.
struct LocalResult {
  let kind: String
  let path: String
  let mediaType: MediaType
  /// A JSON object.
  let metadata: Payload
}

/// ffmpeg over the input of a job.
struct AudioTool: Sendable {
  let source: MediaSource
  /// In hertz.
  let sampleRate: Int
  let durationMilliseconds: Int64?
  /// A folder of this attempt alone.
  let scratch: String
  let limits: SubprocessLimits

  /// Runs to the end.
  /// - Parameter arguments: behind the input: filters and the output.
  /// - Throws: `SubprocessError`.
  @discardableResult
  func run(_ arguments: [String], progress: @escaping StageProgress.Callback) async throws -> SubprocessUsage {
    let all =
      ["-v", "info", "-hide_banner", "-nostats", "-nostdin", "-y", "-threads", "1", "-progress", "pipe:1", "-stats_period", "0.2"]
      + source.input + ["-map", "0:a:0", "-vn", "-map_metadata", "-1"] + arguments
    let total = Double(max(1, durationMilliseconds ?? 180_000)) * 1000
    return try await Subprocess("/usr/bin/ffmpeg", all, in: scratch, limits: limits).reduce(into: ProgressReport()) { report, bytes in
      if let microseconds = report.add(bytes) { progress(min(1, Double(microseconds) / total)) }
    }.usage
  }

  func encode(
    _ encoding: AudioEncoding, filter: String? = nil, progress: @escaping StageProgress.Callback
  ) async throws -> (path: String, usage: SubprocessUsage) {
    let path = "\(scratch)/result.\(encoding.format.rawValue)"
    return (path, try await run(encoding.arguments(filter: filter, inputRate: sampleRate, to: path), progress: progress))
  }
}
