/// A workflow execution with its types: it owns the state and starts the code.
final class TypedInstance<W: Workflow>: WorkflowInstance, @unchecked Sendable {
  // Safe to share for the reason given at `WorkflowInstance`.
  private var state = W.State()
  private var isStateChanged = true
  private var code: Task<Void, Never>?
  private let handlers: [String: Handler<W>.Kind]

  init(
    info: WorkflowInfo, handlers: [String: Handler<W>.Kind], onForeignJob: @escaping @Sendable () -> Void
  ) {
    self.handlers = handlers
    super.init(info: info, onForeignJob: onForeignJob)
  }

  override func start(_ input: Payload) throws {
    let input = try PayloadCodec.decode(W.Input.self, from: input)
    let context = Context<W>(self)
    code = Task(executorPreference: executor) {
      let ending: Command
      do {
        let output = try await W().run(context, input)
        ending = .completeWorkflow(result: try PayloadCodec.encode(output))
      } catch is CancellationError where context.instance.isCancelRequested {
        ending = .cancelWorkflow
      } catch let next as ContinueAsNew {
        ending = context.instance.ending(by: next)
      } catch let escape as WorkflowEscape {
        ending = .failWorkflow(Failure(kind: .engine, type: "WorkflowEscape", message: escape.description, isRetryable: false))
      } catch {
        ending = .failWorkflow(Failure(error))
      }
      context.instance.finish(with: ending)
    }
  }

  private func ending(by next: ContinueAsNew) -> Command {
    let bytes = unreceived.reduce(0) { $0 + $1.input.bytes.count }
    guard bytes <= Limits.carriedSignalBytes else {
      return .failWorkflow(
        Failure(
          kind: .engine, type: "TooManySignals",
          message: "\(bytes) bytes of signals without a receiver, at most \(Limits.carriedSignalBytes) are handed on: receive them first",
          isRetryable: false))
    }
    upgradesContinuation = next.isUpgrading
    do {
      return .continueAsNew(workflowType: W.name, input: try next.input.get())
    } catch {
      return .failWorkflow(Failure(error))
    }
  }

  override func cancelCode() {
    code?.cancel()
    updates.cancel()
  }

  override func validate(update name: String, _ payload: Payload) throws {
    guard case .update(let validate, _)? = handlers[name] else {
      throw ApplicationFailure(type: "UnknownUpdate", message: "workflow type '\(W.name)' has no update '\(name)'", isRetryable: false)
    }
    try validate(state, payload)
  }

  override func start(_ update: UpdateAttributes) throws {
    guard case .update(_, let prepare)? = handlers[update.name] else {
      throw PayloadError.undecodable(type: W.name, reason: "this build has no such update")
    }
    let handle = try prepare(update.input)
    let context = Context<W>(self)
    let task = Task(executorPreference: executor) {
      do {
        context.instance.finishUpdate(update.updateID, .success(try await handle(context)))
      } catch {
        context.instance.finishUpdate(update.updateID, .failure(Failure(error)))
      }
    }
    updates.add(update.updateID, task)
  }

  override func handle(signal name: String, _ payload: Payload) throws -> Bool {
    switch handlers[name] ?? handlers[Handler<W>.anyName] {
    case .signal(let handle): try handle(&state, payload)
    case .anySignal(let handle): handle(&state, name, payload)
    default: return false
    }
    isStateChanged = true
    return true
  }

  /// The state, encoded, when it changed since it was last taken.
  override func takeChangedState() throws -> Payload? {
    guard isStateChanged else { return nil }
    isStateChanged = false
    return W.State.self == NoState.self ? nil : try PayloadCodec.encode(state)
  }

  var currentState: W.State {
    get { state }
    set {
      state = newValue
      isStateChanged = true
    }
  }
}

/// What a workflow may know about its own execution.
public struct WorkflowInfo: Sendable, Equatable {
  public let runID: RunID
  public let workflowID: String
  public let namespace: String
  public let workflowType: String
  /// The run that this one continues as new or tries again; nil for the first of a chain.
  public internal(set) var continuedRunID: RunID?
  var firstOfChain: RunID?
  /// The run that started this one, or the first of its chain, as a child.
  public internal(set) var parent: ParentWorkflow?
  /// Where its history was copied from; nil for most.
  var reset: ResetOrigin?
  var options: RunOptions?
  /// How many runs of the chain came before; nil for the first, and where an earlier build began the run.
  var chainPosition: Int64?

  /// Which try of the workflow this run is: 1, unless a retry policy of its start made it follow one that failed.
  public var attempt: Int { Int(options?.attempt ?? 1) }
  /// What its start carried; a chain hands them on.
  public internal(set) var headers = Headers()

  /// The first run of the chain: this one, unless it continues another.
  public var firstRunID: RunID { firstOfChain ?? runID }
}

extension WorkflowInfo {
  init(_ runID: RunID, _ started: StartedAttributes) {
    self.init(
      runID: runID, workflowID: started.workflowID, namespace: started.namespace, workflowType: started.workflowType,
      continuedRunID: started.lineage?.continued?.runID, firstOfChain: started.lineage?.continued?.firstRunID,
      parent: started.lineage?.parent, reset: started.lineage?.reset, options: started.options,
      chainPosition: started.lineage?.continued?.position, headers: Headers(started.header))
  }
}
