/// The state of a workflow: a value that the engine owns, stores beside the run whenever it changed, and answers queries from.
public protocol WorkflowState: Codable, Sendable {
  init()
}

/// A state for workflows that keep none.
public struct NoState: WorkflowState {
  public init() {}
}

/// A durable program: plain async code whose every effect goes through its `Context`.
///
/// The code must be deterministic: the same history gives the same commands. Use `Context.now`, `random` and `uuid()` for what changes,
/// never `Date()`, `Task.sleep`, `Task {}`, actors or network calls, and do not iterate over a `Set` or `Dictionary` (their order
/// differs between processes).
public protocol Workflow: Sendable {
  associatedtype Input: Codable & Sendable
  associatedtype Output: Codable & Sendable
  associatedtype State: WorkflowState = NoState

  /// The name histories carry; stable when the Swift type is renamed. Default: the type's name.
  static var name: String { get }
  /// The signals and queries it answers.
  static var handlers: [Handler<Self>] { get }
  /// The search attributes that its code sets, with their types. An engine that knows the workflow adds them to its database. Default: none.
  static var searchAttributes: [String: SearchAttributeType] { get }

  init()

  /// The program. What it returns completes the run; what it throws fails it.
  func run(_ workflow: Context<Self>, _ input: Input) async throws -> Output
}

extension Workflow {
  public static var name: String { String(describing: Self.self) }
  public static var handlers: [Handler<Self>] { [] }
  public static var searchAttributes: [String: SearchAttributeType] { [:] }
}

/// A message to a run, kept until the run asks for it: `receive`, or a handler that changes the state as it comes.
public struct Signal<Target: Workflow, Input: Codable & Sendable>: Sendable {
  public let name: String
  let handle: (@Sendable (inout Target.State, Input) -> Void)?

  /// A signal whose handler changes the state when it comes; it is synchronous, so it cannot await.
  public init(_ name: String, handle: @escaping @Sendable (inout Target.State, Input) -> Void) {
    self.name = name
    self.handle = handle
  }

  /// A signal that waits in order of arrival until `Context.receive` takes it.
  public init(_ name: String) {
    self.name = name
    handle = nil
  }
}

/// A question about a run, answered from its stored state: no worker and no replay is needed, also after the run closed.
public struct Query<Target: Workflow, Output: Codable & Sendable>: Sendable {
  public let name: String
  let answer: @Sendable (Target.State) throws -> Output

  public init(_ name: String, answer: @escaping @Sendable (Target.State) throws -> Output) {
    self.name = name
    self.answer = answer
  }
}

/// One entry of `Workflow.handlers`.
public struct Handler<Target: Workflow>: Sendable {
  enum Kind: Sendable {
    case signal(@Sendable (inout Target.State, Payload) throws -> Void)
    case channel
    case anySignal(@Sendable (inout Target.State, String, Payload) -> Void)
    case update(
      validate: @Sendable (Target.State, Payload) throws -> Void,
      /// Decodes the input first, so that one that cannot be read never reaches user code.
      prepare: @Sendable (Payload) throws -> @Sendable (Context<Target>) async throws -> Payload)
    case query(@Sendable (Target.State) throws -> Payload)
  }

  let name: String
  let kind: Kind

  /// Accepts a signal: applied to the state, or kept for `receive` when it was declared as a channel.
  public static func signal<Input>(_ signal: Signal<Target, Input>) -> Handler {
    guard let handle = signal.handle else {
      return Handler(name: signal.name, kind: .channel)
    }
    return Handler(
      name: signal.name,
      kind: .signal { state, payload in handle(&state, try PayloadCodec.decode(Input.self, from: payload)) })
  }

  /// Accepts every signal whose name no other entry has, with that name: for senders that are not known beforehand. A signal that the code takes by
  /// `receive` has an entry of its own then.
  public static func anySignal(_ handle: @escaping @Sendable (inout Target.State, _ name: String, _ input: Payload) -> Void) -> Handler {
    Handler(name: anyName, kind: .anySignal(handle))
  }

  /// No signal has it.
  static var anyName: String { "" }

  /// Answers a query from the state.
  public static func query<Output>(_ query: Query<Target, Output>) -> Handler {
    Handler(name: query.name, kind: .query { state in try PayloadCodec.encode(try query.answer(state)) })
  }
}
