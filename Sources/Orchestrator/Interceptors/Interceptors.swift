/// What a client is about to ask.
public struct ClientCall: Sendable {
  /// Which kind of request it is.
  public enum Kind: String, Sendable {
    case start, signal, update, query
  }

  public let kind: Kind
  /// The type of the workflow that starts; the name of the signal, update or query.
  public let name: String
  public let key: WorkflowKey
  /// Carried with it; a query carries none.
  public var headers: Headers
}

/// Stands between callers and the engine: adds headers, counts, logs, refuses.
public protocol ClientInterceptor: Sendable {
  /// Goes on with `next`, once; what it throws is what the caller sees.
  func send(_ call: ClientCall, next: @Sendable (ClientCall) async throws -> Void) async throws
}

/// Stands around every attempt of an activity.
public protocol ActivityInterceptor: Sendable {
  /// Goes on with `next`; headers that came with the activity are in `context.info.headers`.
  func execute(_ context: ActivityContext, next: @Sendable () async throws -> Payload) async throws -> Payload
}

/// A run as interceptors of its code see it.
public struct InterceptedRun: Sendable {
  public let info: WorkflowInfo
  /// Microseconds since the Unix epoch: the time of its first event.
  public let startedAt: Int64
  /// Microseconds since the Unix epoch: the time of the event being handled, the same at every replay.
  public let now: Int64
  /// The code repeats what it did: what shows outside must happen once, so do nothing then that does.
  public let isReplaying: Bool
}

/// A message that a run's code is about to receive.
public struct InboundMessage: Sendable {
  /// Which kind of message it is.
  public enum Kind: String, Sendable {
    case signal, update
  }

  public let kind: Kind
  public let name: String
  public let headers: Headers
}

/// What a run's code asks for.
public struct OutboundCall: Sendable {
  /// Which kind of request it is.
  public enum Kind: String, Sendable {
    case activity, inlineStep, child, signal, continueAsNew
  }

  public let kind: Kind
  /// The type of the activity or workflow, the name of the signal.
  public let name: String
  /// Carried with it; those of the run itself go on to the run that continues it.
  public var headers: Headers
}

/// Stands around workflow code, inside its run. Its hooks are as deterministic as the code: they are called again at every replay, must come to the same headers then, and
/// wait for nothing.
public protocol WorkflowInterceptor: Sendable {
  /// The code begins.
  func began(_ run: InterceptedRun)
  /// A signal or update has come, and its handler runs next.
  func received(_ message: InboundMessage, _ run: InterceptedRun)
  /// The code asks for something; what is changed goes with it.
  func asked(_ call: inout OutboundCall, _ run: InterceptedRun)
  /// The code ended: with a result, with this failure, or by going on as a new run.
  func ended(_ failure: Failure?, _ run: InterceptedRun)
}

extension WorkflowInterceptor {
  /// Does nothing.
  public func began(_ run: InterceptedRun) {}
  /// Does nothing.
  public func received(_ message: InboundMessage, _ run: InterceptedRun) {}
  /// Changes nothing.
  public func asked(_ call: inout OutboundCall, _ run: InterceptedRun) {}
  /// Does nothing.
  public func ended(_ failure: Failure?, _ run: InterceptedRun) {}
}

extension [any ClientInterceptor] {
  /// Sends a call through all of them.
  func send(_ call: ClientCall, _ body: @escaping @Sendable (ClientCall) async throws -> Void) async throws {
    guard let first else { return try await body(call) }
    let rest = Array(dropFirst())
    try await first.send(call) { try await rest.send($0, body) }
  }
}

extension Command {
  /// Why the run ends; nil when nothing failed.
  var failureOfRun: Failure? {
    switch self {
    case .failWorkflow(let failure): failure
    case .cancelWorkflow: Failure(CancellationError())
    default: nil
    }
  }
}

// What the instance asks its interceptors; without any, one look at an empty list.
extension WorkflowInstance {
  private var view: InterceptedRun { InterceptedRun(info: info, startedAt: startedAt, now: now, isReplaying: isReplaying) }

  func tell(_ body: (any WorkflowInterceptor, InterceptedRun) -> Void) {
    guard !interceptors.isEmpty, !isEvicting else { return }
    let run = view
    for interceptor in interceptors { body(interceptor, run) }
  }

  /// The headers of what the code asks for.
  func headers(_ kind: OutboundCall.Kind, _ name: String, _ headers: Headers = Headers()) -> Payload? {
    guard !interceptors.isEmpty else { return headers.payload }
    var call = OutboundCall(kind: kind, name: name, headers: headers)
    let run = view
    for interceptor in interceptors { interceptor.asked(&call, run) }
    return call.headers.payload
  }
}
