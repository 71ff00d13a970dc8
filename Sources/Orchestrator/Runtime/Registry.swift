/// The workflow types and activity implementations that a build knows, by name.
///
///     var registry = Registry()
///     registry.register(PublishTrack.self)
///     registry.implement(Steps.probe) { key, context in try await probe(key) }
public struct Registry: Sendable {
  private(set) var workflows = [
    StandaloneActivity.name: WorkflowCode(StandaloneActivity.self), BatchWorkflow.name: WorkflowCode(BatchWorkflow.self),
  ]
  private(set) var activities: [String: ActivityImplementation] = [:]
  /// Of all activities that have none of their own.
  private(set) var anyActivity: ActivityImplementation?
  /// What the code of its workflows sets.
  private(set) var searchAttributes: [String: SearchAttributeType] = [:]
  private(set) var clientInterceptors: [any ClientInterceptor] = []
  private(set) var workflowInterceptors: [any WorkflowInterceptor] = []
  private var activityInterceptors: [any ActivityInterceptor] = []

  public init() {}

  /// Makes a workflow type known.
  /// - Precondition: its name and its handlers' names are unique; a search attribute has one type in all workflows.
  public mutating func register<W: Workflow>(_ workflow: W.Type) {
    add(workflow, version: nil, .autoUpgrade)
  }

  /// Makes a version of a workflow type known: several Swift types of one `name`, each the code of its own runs. New runs begin with the version
  /// that operators made the current one, or a share of them with the ramping one; until somebody did, with the code that is registered without a
  /// version, else with the version that was registered first.
  ///
  ///     registry.register(OrderBefore.self, version: "1")
  ///     registry.register(Order.self, version: "2")
  /// - Parameters:
  ///   - version: of 1 to 255 bytes; it stands in histories, so it never names other code.
  ///   - behavior: of runs that begin with it and do not ask for another; default `pinned`.
  /// - Precondition: the type has no such version yet; else as `register`.
  public mutating func register<W: Workflow>(_ workflow: W.Type, version: String, _ behavior: VersioningBehavior = .pinned) {
    add(workflow, version: version, behavior)
  }

  private mutating func add<W: Workflow>(_ workflow: W.Type, version: String?, _ behavior: VersioningBehavior) {
    let definition = WorkflowDefinition(workflow).intercepted(by: workflowInterceptors)
    workflows[W.name, default: WorkflowCode(W.name)].add(definition, version: version, behavior)
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

  /// Implements every activity that has no implementation of its own, with its name: for steps that are not known beforehand.
  /// - Parameter taskQueue: where such activities are; default `default`.
  /// - Precondition: there is one at most.
  public mutating func implementAny(
    taskQueue: String = "default", _ body: @escaping @Sendable (_ name: String, _ input: Payload, ActivityContext) async throws -> Payload
  ) {
    precondition(anyActivity == nil, "activities without an implementation of their own are implemented twice")
    let implementation = ActivityImplementation(options: ActivityOptions(taskQueue: taskQueue)) { given, context in
      try await body(context.info.activityType, try given.payload, context)
    }
    anyActivity = activityInterceptors.reduce(implementation) { $0.intercepted(by: $1) }
  }

  /// What runs an activity; nil when this build has nothing for it.
  func implementation(of activityType: String) -> ActivityImplementation? { activities[activityType] ?? anyActivity }

  /// The only activities that this build runs; nil for all.
  var onlyActivityTypes: [String]? { anyActivity == nil ? activityTypes : nil }

  /// Gives an activity its implementation, also in the place of another.
  package mutating func replace<Input, Output>(
    _ activity: Activity<Input, Output>, _ body: @escaping @Sendable (Input, ActivityContext) async throws -> Output
  ) {
    let implementation = ActivityImplementation(options: activity.options) { given, context in
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
    activities[activity.name] = activityInterceptors.reduce(implementation) { $0.intercepted(by: $1) }
  }

  /// Stands between callers and the engine, inside those that were added before.
  public mutating func intercept(clients interceptor: any ClientInterceptor) {
    clientInterceptors.append(interceptor)
  }

  /// Stands around the code of all workflows, also those registered before; hooks are called in the order in which they were added.
  public mutating func intercept(workflows interceptor: any WorkflowInterceptor) {
    workflowInterceptors.append(interceptor)
    workflows = workflows.mapValues { $0.intercepted(by: interceptor) }
  }

  /// Stands around every attempt of all activities, also those implemented before; the last one added is the outermost.
  public mutating func intercept(activities interceptor: any ActivityInterceptor) {
    activityInterceptors.append(interceptor)
    activities = activities.mapValues { $0.intercepted(by: interceptor) }
    anyActivity = anyActivity?.intercepted(by: interceptor)
  }

  /// The queues whose activities this build implements.
  public var taskQueues: Set<String> {
    Set(activities.values.map(\.options.taskQueue)).union([anyActivity?.options.taskQueue].compactMap(\.self))
  }

  /// The names of the workflow types, sorted.
  public var workflowTypes: [String] { workflows.keys.sorted() }

  /// The names of the implemented activities, sorted.
  public var activityTypes: [String] { activities.keys.sorted() }
}

struct ActivityImplementation: Sendable {
  let options: ActivityOptions
  let body: @Sendable (ActivityInput, ActivityContext) async throws -> Payload

  func intercepted(by interceptor: any ActivityInterceptor) -> ActivityImplementation {
    let body = body
    return ActivityImplementation(options: options) { input, context in
      try await interceptor.execute(context) { try await body(input, context) }
    }
  }
}

/// What an activity is called with: what its history holds or, for an inline step, the value itself.
enum ActivityInput: Sendable {
  case payload(Payload)
  case value(any Codable & Sendable)

  /// As JSON.
  var payload: Payload {
    get throws {
      switch self {
      case .payload(let payload): payload
      case .value(let value): try PayloadCodec.encode(value)
      }
    }
  }

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
  private(set) var makeInstance: @Sendable (WorkflowInfo, @escaping @Sendable () -> Void) -> WorkflowInstance
  /// Answers a query from the stored state; nil when it has no query of that name.
  let answer: @Sendable (_ query: String, _ state: Payload?) throws -> Payload?

  func intercepted(by interceptors: [any WorkflowInterceptor]) -> WorkflowDefinition {
    guard !interceptors.isEmpty else { return self }
    let make = makeInstance
    var definition = self
    definition.makeInstance = { info, onForeignJob in
      let instance = make(info, onForeignJob)
      instance.interceptors += interceptors
      return instance
    }
    return definition
  }

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
