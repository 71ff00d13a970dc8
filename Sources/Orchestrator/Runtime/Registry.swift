/// The workflow types and activity implementations that a build knows, by name.
///
///     var registry = Registry()
///     registry.register(PublishTrack.self)
///     registry.implement(Steps.probe) { key, context in try await probe(key) }
public struct Registry: Sendable {
  private(set) var workflows = [StandaloneActivity.name: WorkflowDefinition(StandaloneActivity.self)]
  private(set) var activities: [String: ActivityImplementation] = [:]
  /// What the code of its workflows sets.
  private(set) var searchAttributes: [String: SearchAttributeType] = [:]

  public init() {}

  /// Makes a workflow type known.
  /// - Precondition: its name and its handlers' names are unique; a search attribute has one type in all workflows.
  public mutating func register<W: Workflow>(_ workflow: W.Type) {
    precondition(workflows[W.name] == nil, "workflow '\(W.name)' is registered twice")
    workflows[W.name] = WorkflowDefinition(workflow)
    searchAttributes.merge(W.searchAttributes) { known, other in
      precondition(known == other, "two workflows declare a search attribute with different types")
      return known
    }
  }

  /// Gives an activity its implementation.
  /// - Precondition: its name is unique.
  public mutating func implement<Input, Output>(
    _ activity: Activity<Input, Output>, _ body: @escaping @Sendable (Input, ActivityContext) async throws -> Output
  ) {
    precondition(activities[activity.name] == nil, "activity '\(activity.name)' is implemented twice")
    replace(activity, body)
  }

  /// Gives an activity its implementation, also in the place of another.
  package mutating func replace<Input, Output>(
    _ activity: Activity<Input, Output>, _ body: @escaping @Sendable (Input, ActivityContext) async throws -> Output
  ) {
    activities[activity.name] = ActivityImplementation(options: activity.options) { given, context in
      let input: Input
      do {
        input = try given.value(as: Input.self)
      } catch {
        throw ApplicationFailure(type: "UndecodableInput", message: String(describing: error), isRetryable: false)
      }
      let output = try await body(input, context)
      do {
        return try PayloadCodec.encode(output)
      } catch PayloadError.tooLarge(let bytes, let type) {
        throw PayloadError.tooLarge(bytes: bytes, type: type)
      } catch {
        throw ApplicationFailure(type: "UnencodableResult", message: String(describing: error), isRetryable: false)
      }
    }
  }

  /// The queues whose activities this build implements.
  public var taskQueues: Set<String> { Set(activities.values.map(\.options.taskQueue)) }

  /// The names of the workflow types, sorted.
  public var workflowTypes: [String] { workflows.keys.sorted() }

  /// The names of the implemented activities, sorted.
  public var activityTypes: [String] { activities.keys.sorted() }
}

struct ActivityImplementation: Sendable {
  let options: ActivityOptions
  let body: @Sendable (ActivityInput, ActivityContext) async throws -> Payload
}

/// What an activity is called with: what its history holds or, for an inline step, the value itself.
enum ActivityInput: Sendable {
  case payload(Payload)
  case value(any Codable & Sendable)

  /// - Throws: `PayloadError` when it is not and does not decode as this type.
  func value<Input: Codable & Sendable>(as type: Input.Type) throws -> Input {
    switch self {
    case .payload(let payload): return try PayloadCodec.decode(type, from: payload)
    case .value(let value):
      if let value = value as? Input { return value }
      // Asked for with another type than it is implemented with: what counts between the two is JSON.
      return try PayloadCodec.decode(type, from: try PayloadCodec.encode(value))
    }
  }
}

/// A workflow type without its Swift type.
struct WorkflowDefinition: Sendable {
  let name: String
  let makeInstance: @Sendable (WorkflowInfo, @escaping @Sendable () -> Void) -> WorkflowInstance
  /// Answers a query from the stored state; nil when it has no query of that name.
  let answer: @Sendable (_ query: String, _ state: Payload?) throws -> Payload?

  init<W: Workflow>(_ workflow: W.Type) {
    name = W.name
    precondition(Set(W.handlers.map(\.name)).count == W.handlers.count, "workflow '\(W.name)' has two handlers of one name")
    let handlers = Dictionary(uniqueKeysWithValues: W.handlers.map { ($0.name, $0.kind) })
    makeInstance = { info, onForeignJob in TypedInstance<W>(info: info, handlers: handlers, onForeignJob: onForeignJob) }
    answer = { query, state in
      guard case .query(let answer)? = handlers[query] else { return nil }
      return try answer(try state.map { try PayloadCodec.decode(W.State.self, from: $0) } ?? W.State())
    }
  }
}
