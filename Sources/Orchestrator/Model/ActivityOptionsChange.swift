/// Options of a pending activity that are to be others from its next attempt on; what is not named stays.
public struct ActivityOptionsChange: Sendable, Equatable {
  /// A time limit that is set or taken away.
  public enum TimeLimit: Sendable, Equatable {
    case none
    case after(Duration)
  }

  private static let times = [
    "scheduleToStartMilliseconds", "startToCloseMilliseconds", "scheduleToCloseMilliseconds", "heartbeatMilliseconds",
  ]
  private static let names = Set(times + ["taskQueue", "retryPolicy", "priority"])

  /// JSON by the names of the options; null takes a limit away.
  private var fields: [String: Payload] = [:]

  public init(
    taskQueue: String? = nil, scheduleToStart: TimeLimit? = nil, startToClose: Duration? = nil, scheduleToClose: TimeLimit? = nil,
    heartbeat: TimeLimit? = nil, retryPolicy: RetryPolicy? = nil, priority: Priority? = nil
  ) throws {
    if let taskQueue { fields["taskQueue"] = try PayloadCodec.encode(taskQueue) }
    if let startToClose { fields["startToCloseMilliseconds"] = try PayloadCodec.encode(startToClose.boundedMilliseconds) }
    for (name, limit) in [
      ("scheduleToStartMilliseconds", scheduleToStart), ("scheduleToCloseMilliseconds", scheduleToClose),
      ("heartbeatMilliseconds", heartbeat),
    ] {
      switch limit {
      case nil: continue
      case .none?: fields[name] = .null
      case .after(let time)?: fields[name] = try PayloadCodec.encode(time.boundedMilliseconds)
      }
    }
    if let retryPolicy { fields["retryPolicy"] = try PayloadCodec.encode(retryPolicy) }
    if let priority { fields["priority"] = try PayloadCodec.encode(priority) }
    try check()
  }

  /// - Parameter json: an object of `taskQueue`, `scheduleToStartMilliseconds`, `startToCloseMilliseconds`, `scheduleToCloseMilliseconds`,
  ///   `heartbeatMilliseconds`, `retryPolicy`, `priority`; null takes a limit away.
  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  public init(_ json: Payload) throws {
    do {
      fields = try JSONObject.fields(of: json.bytes)
    } catch {
      throw OrchestratorError(.invalidArgument, "options that change are a JSON object")
    }
    try check()
  }

  var payload: Payload { JSONObject.payload(of: fields) }

  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  private func check() throws {
    if let unknown = fields.keys.sorted().first(where: { !Self.names.contains($0) }) {
      throw OrchestratorError(
        .invalidArgument, "'\(unknown.prefix(80))' is no option that can change: \(Self.names.sorted().joined(separator: ", "))")
    }
    guard !fields.isEmpty else { throw OrchestratorError(.invalidArgument, "no option is named that is to change") }
    let changed = try applied(to: .standard)
    let limits = [
      changed.scheduleToStartMilliseconds, changed.startToCloseMilliseconds, changed.scheduleToCloseMilliseconds,
      changed.heartbeatMilliseconds,
    ]
    guard limits.allSatisfy({ $0.map { (1...Limits.durationMilliseconds).contains($0) } ?? true }) else {
      throw OrchestratorError(.invalidArgument, "a time limit has 1 to \(Limits.durationMilliseconds) milliseconds")
    }
    guard (1...Limits.nameBytes).contains(changed.taskQueue.utf8.count), !changed.taskQueue.utf8.contains(0) else {
      throw OrchestratorError(.invalidArgument, "a task queue must have 1 to \(Limits.nameBytes) bytes and no NUL")
    }
  }

  /// - Throws: `OrchestratorError` with code `invalid-argument` for a value of another type.
  func applied(to options: ActivityOptions) throws -> ActivityOptions {
    do {
      var all = try JSONObject.fields(of: try PayloadCodec.encode(options).bytes)
      for (name, value) in fields { all[name] = value == .null ? nil : value }
      return try PayloadCodec.decode(ActivityOptions.self, from: JSONObject.payload(of: all))
    } catch let error as PayloadError {
      throw OrchestratorError(.invalidArgument, "an option has a value that it cannot have: \(error)")
    }
  }
}
