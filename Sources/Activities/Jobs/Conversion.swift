import Orchestrator

/// The same sound in another format.
struct Conversion: LocalJob {
  static let name = "convert"

  private struct Metadata: Encodable { let encoding: AudioEncoding }

  let encoding: AudioEncoding

  init(_ parameters: inout JobParameters) throws(JobParameterError) {
    encoding = try AudioEncoding(&parameters, default: nil)
  }

  func run(_ tool: AudioTool, progress: @escaping StageProgress.Callback) async throws -> LocalResult {
    let (path, _) = try await tool.encode(encoding, progress: progress)
    return LocalResult(
      kind: "converted", path: path, mediaType: encoding.format.mediaType,
      metadata: try PayloadCodec.encode(Metadata(encoding: encoding)))
  }
}
