import PostgreSQL

/// What a task queue allows, over all processes together. Setting it replaces what was set before, and the engine follows within a second:
/// attempts that run then run on.
public struct QueueLimits: Codable, Sendable, Equatable {
  /// Attempts at once, 0 to 1,000,000; 0 stops the queue, nil is no limit.
  public var concurrency: Int32?
  /// Attempts that begin in a second, 0.001 to 1,000,000; nil is no limit.
  public var rate: Double?
  /// Attempts that may begin at once after a quiet time, 1 to 1,000,000; default the rate, rounded up.
  public var burst: Int32?

  public init(concurrency: Int32? = nil, rate: Double? = nil, burst: Int32? = nil) {
    self.concurrency = concurrency
    self.rate = rate
    self.burst = burst
  }
}

/// A task queue with limits or an order.
public struct LimitedQueue: Codable, Sendable {
  public let taskQueue: String
  public let namespace: String
  public let limits: QueueLimits
  /// Attempts under way.
  public let running: Int64
  /// Attempts that wait, those for their next attempt included.
  public let waiting: Int64
  /// How long the oldest that could begin has been waiting; nil when none is.
  public let oldestAgeMilliseconds: Int64?
}

/// Who asks for tasks of a queue.
public struct WorkerSummary: Codable, Sendable {
  /// Host name and process id, or what a worker in another language calls itself.
  public let worker: String
  public let taskQueue: String
  /// Attempts that it runs at once; nil when it does not say.
  public let concurrency: Int32?
  public let build: String?
  /// Tasks that it holds.
  public let running: Int64
  public let firstSeenAt: RecordedTime
  /// When it last asked or gave a sign of life: every ten seconds.
  public let seenAt: RecordedTime
  public let silentMilliseconds: Int64
}

/// Task queues: limits that hold for all processes, and who serves them.
extension Client {
  /// Sets all limits of a queue for one namespace; durable when this returns.
  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  public func setQueue(_ taskQueue: String, _ limits: QueueLimits, namespace: String = "default") async throws {
    _ = try await call(
      QueueStatements.set, Parameters(taskQueue, limits.concurrency, limits.rate, limits.burst, namespace))
  }

  /// Takes all limits of a queue away. One that has none in any namespace costs what it cost before it had any.
  public func unsetQueue(_ taskQueue: String, namespace: String = "default") async throws {
    _ = try await call(QueueStatements.unset, Parameters(taskQueue, namespace))
  }

  /// Queues with limits or an order, by name; at most 1000.
  /// - Parameter taskQueue: nil for all.
  public func limitedQueues(_ taskQueue: String? = nil) async throws -> [LimitedQueue] {
    let rows = try await database.query(QueueStatements.limits, Parameters(taskQueue))
    return try (0..<rows.count).map { row in
      LimitedQueue(
        taskQueue: try rows.text(row, 0), namespace: try rows.text(row, 1),
        limits: QueueLimits(
          concurrency: try rows.optional(row, 2, rows.int32), rate: try rows.optional(row, 3, rows.double),
          burst: try rows.optional(row, 4, rows.int32)),
        running: try rows.int64(row, 5), waiting: try rows.int64(row, 6), oldestAgeMilliseconds: try rows.optional(row, 7, rows.int64))
    }
  }

  /// Who served task queues in the last hour, by name; at most 1000.
  public func workers() async throws -> [WorkerSummary] {
    let rows = try await database.query(QueueStatements.workers)
    return try (0..<rows.count).map { row in
      WorkerSummary(
        worker: try rows.text(row, 0), taskQueue: try rows.text(row, 1), concurrency: try rows.optional(row, 2, rows.int32),
        build: try rows.optional(row, 3, rows.text), running: try rows.int64(row, 4), firstSeenAt: try rows.time(row, 5),
        seenAt: try rows.time(row, 6), silentMilliseconds: try rows.int64(row, 7))
    }
  }
}
