import PostgreSQL

/// Says now and then that a worker is there, and what it serves: for people.
struct WorkerPresence: Sendable {
  let database: Database
  let worker: String
  /// With how many attempts at a time; nil when it does not say.
  let taskQueues: [String: Int?]
  var build: String?

  static let interval = Duration.seconds(10)

  init(database: Database, worker: String, taskQueues: [String: Int?], build: String? = nil) {
    self.database = database
    self.worker = worker
    self.taskQueues = taskQueues
    self.build = build
  }

  /// Says it until cancelled.
  func run() async {
    while !Task.isCancelled {
      do {
        try await sayOnce()
      } catch {
        Log.debug("presence-not-written", "\(error)")
      }
      try? await Task.sleep(for: Self.interval)
    }
  }

  func sayOnce() async throws {
    guard !taskQueues.isEmpty else { return }
    let names = ArrayColumn(.text)
    let limits = ArrayColumn(.int4)
    for (name, limit) in taskQueues {
      names.append(name)
      if let limit { limits.append(Int32(clamping: limit)) } else { limits.appendNull() }
    }
    var parameters = Parameters(worker)
    parameters.append(names)
    parameters.append(limits)
    parameters.append(build)
    _ = try await database.query(QueueStatements.seen, parameters)
  }
}
