import Orchestrator

/// The body of `POST /api/v1/task-queues/{taskQueue}/poll`.
struct PollRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case worker, maximum, waitSeconds, leaseSeconds }

  let worker: String?
  let maximum: Int
  let waitSeconds: Int
  let leaseSeconds: Int

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    worker = try fields.workerName(.worker)
    maximum = try fields.number(.maximum, in: 1...Limits.tasksPerLease, default: 1)
    waitSeconds = try fields.number(.waitSeconds, in: 0...60, default: 0)
    leaseSeconds = try fields.number(.leaseSeconds, in: 1...3600, default: 30)
  }
}

/// The body of `POST /api/v1/tasks/heartbeat`.
struct HeartbeatRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case tasks, leaseSeconds }

  struct Item: Decodable {
    let taskToken: TaskToken
    let details: Payload?
  }

  let tasks: [Item]
  let leaseSeconds: Int

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    tasks = try fields.items(.tasks)
    leaseSeconds = try fields.number(.leaseSeconds, in: 1...3600, default: 30)
  }
}

/// The body of `POST /api/v1/tasks/complete`; a result that is left out is null.
struct CompleteTasksRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case tasks, worker }

  struct Item: Decodable {
    let taskToken: TaskToken
    let result: Payload

    enum CodingKeys: CodingKey { case taskToken, result }

    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      taskToken = try fields.decode(TaskToken.self, forKey: .taskToken)
      result = try fields.decodeIfPresent(Payload.self, forKey: .result) ?? .null
    }
  }

  let tasks: [Item]
  let worker: String?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    tasks = try fields.items(.tasks)
    worker = try fields.workerName(.worker)
  }
}

/// The body of `POST /api/v1/tasks/fail`.
struct FailTasksRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case tasks, worker }

  struct Item: Decodable {
    let taskToken: TaskToken
    let failure: Failure
    /// A last heartbeat.
    let details: Payload?
  }

  let tasks: [Item]
  let worker: String?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    tasks = try fields.items(.tasks)
    worker = try fields.workerName(.worker)
  }
}

/// The answer to what a worker says of its tasks.
struct TaskAnswer: Encodable {
  let lost: [TaskToken]
  let cancelRequested: [TaskToken]
}

extension KeyedDecodingContainer {
  fileprivate func number(_ key: Key, in range: ClosedRange<Int>, default standard: Int) throws -> Int {
    let number = try decodeIfPresent(Int.self, forKey: key) ?? standard
    guard range.contains(number) else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: self, debugDescription: "it must be \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  fileprivate func items<Item: Decodable>(_ key: Key) throws -> [Item] {
    let items = try decode([Item].self, forKey: key)
    guard items.count <= Limits.tasksPerLease else {
      throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "at most \(Limits.tasksPerLease) tasks")
    }
    return items
  }

  fileprivate func workerName(_ key: Key) throws -> String? {
    guard let name = try decodeIfPresent(String.self, forKey: key) else { return nil }
    guard 1...Limits.nameBytes ~= name.utf8.count, !name.utf8.contains(0) else {
      throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "1 to \(Limits.nameBytes) bytes")
    }
    return name
  }
}
