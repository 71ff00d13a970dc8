import Foundation
import Testing

@testable import Activities
@testable import Orchestrator
@testable import Workflows

/// Every step with its real implementation, called directly: real database, real files, real ffmpeg.
final class PipelineFixture: Sendable {
  let database: CatalogDatabase
  let store: LocalObjectStore
  let folder: String
  private let registry: Registry

  init(lyrics: any LyricsProvider = FixedLyrics(result: .success(FixedLyrics.lyrics))) async throws {
    database = try await CatalogDatabase()
    folder = FileManager.default.temporaryDirectory.appending(path: "pipeline-\(UUID().uuidString)").path
    store = try LocalObjectStore(folder: folder + "/store")
    try FileManager.default.createDirectory(atPath: folder + "/scratch", withIntermediateDirectories: true)
    var registry = Registry()
    PipelineActivities(catalog: database.catalog, store: store, lyrics: lyrics, scratchFolder: folder + "/scratch").implement(in: &registry)
    self.registry = registry
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func run<Input, Output>(_ step: Activity<Input, Output>, _ input: Input, sequence: Int32 = 1, attempt: Int32 = 1) async throws -> Output {
    let implementation = try #require(registry.activities[step.name])
    let info = ActivityInfo(
      namespace: "default", workflowID: "track", runID: RunID(UUID(uuid: (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1))),
      sequence: sequence, activityType: step.name, taskQueue: step.options.taskQueue, attempt: attempt, scheduledAt: 0,
      heartbeatDetails: nil)
    let context = ActivityContext(info: info, heartbeats: HeartbeatRecorder(), ownQueue: OwnQueue(identity: "test"))
    return try PayloadCodec.decode(Output.self, from: try await implementation.body(.payload(try PayloadCodec.encode(input)), context))
  }

  /// An uploaded track in PROCESSING whose file has these bytes.
  func upload(_ bytes: [UInt8], as type: MediaType, sizeBytes: Int64? = nil) async throws -> AudioSource {
    let id = try await database.upload(title: nil).id
    try await database.move(id, to: .processing)
    let key = try TrackKeys.staged(id, as: type)
    try await store.put(bytes, at: key)
    return AudioSource(trackID: id, key: key.text, mediaType: type.rawValue, sizeBytes: sizeBytes ?? Int64(bytes.count))
  }

  /// Three seconds of a tone in this format.
  func song(_ arguments: [String], _ name: String) throws -> [UInt8] {
    let path = "\(folder)/\(name)"
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/ffmpeg")
    process.arguments = ["-v", "error", "-f", "lavfi", "-i", "sine=frequency=330:duration=3:sample_rate=44100"] + arguments + [path]
    try process.run()
    process.waitUntilExit()
    return [UInt8](try #require(FileManager.default.contents(atPath: path)))
  }

  /// What is left in the folders of attempts.
  var scratch: [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder + "/scratch")) ?? [] }
}

/// A provider with one answer.
struct FixedLyrics: LyricsProvider {
  static let lyrics = Lyrics(
    lines: [LyricsLine(startMilliseconds: 0, endMilliseconds: 900, text: "la")], source: .transcribed, model: "fixed")

  let result: Result<Lyrics, LyricsFailure>

  func transcribe(_ request: LyricsRequest) async throws -> Lyrics { try result.get() }
}
