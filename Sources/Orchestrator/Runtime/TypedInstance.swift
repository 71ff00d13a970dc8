/// A workflow execution with its types: it owns the state and starts the code.
final class TypedInstance<W: Workflow>: WorkflowInstance, @unchecked Sendable {
  // Safe to share for the reason given at `WorkflowInstance`.
  private var state = W.State()
  private var isStateChanged = true
  private var code: Task<Void, Never>?
  private let handlers: [String: Handler<W>.Kind]
  let info: WorkflowInfo

  init(
    info: WorkflowInfo, handlers: [String: Handler<W>.Kind], onForeignJob: @escaping @Sendable () -> Void
  ) {
    self.info = info
    self.handlers = handlers
    super.init(runID: info.runID, onForeignJob: onForeignJob)
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
      } catch let escape as WorkflowEscape {
        ending = .failWorkflow(Failure(kind: .engine, type: "WorkflowEscape", message: escape.description, isRetryable: false))
      } catch {
        ending = .failWorkflow(Failure(error))
      }
      context.instance.finish(with: ending)
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
    guard case .signal(let handle)? = handlers[name] else { return false }
    try handle(&state, payload)
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
}
