import ExampleSupport
import Orchestrator

enum Steps {
  static let encode = Activity<String, Int>("encode")
}

/// One song: a run of its own, with its own history.
struct Encode: Workflow {
  static let skip = Signal<Self, Nothing>("skip")

  func run(_ workflow: Context<Self>, _ title: String) async throws -> Int {
    if title == "Silence" {
      _ = try await workflow.receive(Self.skip)
      throw ApplicationFailure(type: "Skipped", message: "nothing to hear")
    }
    return try await workflow.execute(Steps.encode, title)
  }
}

/// An album: a child for each song, side by side. Should the album be terminated or end first, its children are terminated with it.
struct Album: Workflow {
  func run(_ workflow: Context<Self>, _ titles: [String]) async throws -> [String] {
    var songs: [ChildHandle<Encode>] = []
    for title in titles { songs.append(try await workflow.startChild(Encode.self, id: "\(workflow.info.workflowID)/\(title)", title)) }
    for (song, title) in zip(songs, titles) where title == "Silence" { try await song.signal(Encode.skip, Nothing()) }
    var lines: [String] = []
    for (song, title) in zip(songs, titles) {
      do {
        lines.append("\(title): \(try await song.result()) bytes")
      } catch let failure as ChildWorkflowFailure {
        lines.append("\(title): \(failure.kind), \(failure.failure?.message ?? "")")
      }
    }
    return lines
  }
}

@main struct Main {
  static func main() async throws {
    var registry = Registry()
    registry.register(Album.self)
    registry.register(Encode.self)
    registry.implement(Steps.encode) { title, _ in title.utf8.count * 1000 }
    try await withEngine(registry) { client, _ in
      let album = try await client.start(Album.self, id: "album-1", input: ["Overture", "Silence", "Finale"])
      for line in try await album.result() { print(line) }
      // A child is a workflow like any other: whoever knows its id may ask for it.
      print("album-1/Finale:", try await client.handle(Encode.self, id: "album-1/Finale").result())
    }
  }
}
