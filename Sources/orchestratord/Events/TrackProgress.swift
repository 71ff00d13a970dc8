import Workflows

/// How far a track in processing is, for those who watch it: news of the moment, which have no number and are not told again.
struct TrackProgress: Sendable, Equatable {
  let id: TrackID
  let userID: String
  private(set) var stages: [String: Int] = [:]
  /// The step that began last.
  private(set) var stage = ""

  init(id: TrackID, userID: String) {
    self.id = id
    self.userID = userID
  }

  mutating func add(stage: String, percent: Int) {
    stages[stage] = percent
    self.stage = stage
  }

  /// By the usual cost of each step; lyrics do not count, nothing waits for them.
  private static let weights = [
    (Steps.scan.name, 1), (Steps.validate.name, 2), (Steps.probe.name, 15), (Steps.store.name, 2), (Steps.waveform.name, 20),
    (Steps.transcode.name, 60),
  ]

  /// Per cent of the processing, 0 to 99: the end is a change of status.
  var percent: Int { Self.percent { stages[$0] } }

  static func percent(of stage: (String) -> Int?) -> Int {
    min(99, weights.reduce(0) { $0 + $1.1 * (stage($1.0) ?? 0) } / 100)
  }

  var document: String { #"{"trackId":"\#(id)","progress":\#(percent),"stage":"\#(stage)"}"# }
}
