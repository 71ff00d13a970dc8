/// A request to a run with an answer: checked before anything is recorded, handled by code that may await, answered once.
///
///     static let raise = Update<Self, Int, Int>("raise") { state, amount in
///       guard amount > 0 else { throw ApplicationFailure(type: "NotPositive", message: "\(amount) is not positive") }
///     } handle: { workflow, amount in
///       workflow.state.total += amount
///       return workflow.state.total
///     }
public struct Update<Target: Workflow, Input: Codable & Sendable, Output: Codable & Sendable>: Sendable {
  public let name: String
  let validate: @Sendable (Target.State, Input) throws -> Void
  let handle: @Sendable (Context<Target>, Input) async throws -> Output

  /// - Parameters:
  ///   - validate: reads the state only; what it throws rejects the request, which then leaves no event.
  ///   - handle: runs beside the workflow's code on its executor; the run closes when its handlers have ended.
  public init(
    _ name: String, validate: @escaping @Sendable (Target.State, Input) throws -> Void = { _, _ in },
    handle: @escaping @Sendable (Context<Target>, Input) async throws -> Output
  ) {
    self.name = name
    self.validate = validate
    self.handle = handle
  }
}

extension Handler {
  /// Answers an update.
  public static func update<Input, Output>(_ update: Update<Target, Input, Output>) -> Handler {
    Handler(
      name: update.name,
      kind: .update(
        validate: { state, payload in try update.validate(state, try PayloadCodec.decode(Input.self, from: payload)) },
        prepare: { payload in
          let input = try PayloadCodec.decode(Input.self, from: payload)
          return { context in try PayloadCodec.encode(try await update.handle(context, input)) }
        }))
  }
}

/// The handlers of a run's updates that have not ended, in the order in which they were accepted.
struct UpdateHandlers {
  private var open: [(updateID: String, task: Task<Void, Never>)] = []
  /// What closes the run once all have ended.
  var ending: Command?

  /// The latest updates of the chain that were accepted, the newest last: as many as a successor is told, and some more.
  private(set) var accepted: [String] = []

  mutating func note(_ updateID: String) {
    accepted.append(updateID)
    if accepted.count > 2 * Limits.carriedRequests { accepted.removeFirst(Limits.carriedRequests) }
  }

  var isEmpty: Bool { open.isEmpty }
  var count: Int { open.count }
  var identifiers: [String] { open.map(\.updateID) }

  mutating func add(_ updateID: String, _ task: Task<Void, Never>) { open.append((updateID, task)) }

  mutating func remove(_ updateID: String) { open.removeAll { $0.updateID == updateID } }

  func cancel() {
    for handler in open { handler.task.cancel() }
  }
}

// What the typed instance and its updates' handlers call.
extension WorkflowInstance {
  /// Why this update is not accepted as things stand; nil when it is.
  func refusal(of update: UpdateAttributes) -> Failure? {
    guard updates.count < Limits.openUpdates else {
      return Failure(
        kind: .engine, type: "TooManyUpdates",
        message: "\(Limits.openUpdates) updates of this run have not ended yet: wait for their answers")
    }
    do {
      try validate(update: update.name, update.input)
      return nil
    } catch {
      return Failure(error)
    }
  }

  /// A handler has ended: the answer is a command like any other, and the run may close.
  func finishUpdate(_ updateID: String, _ outcome: StepOutcome) {
    updates.remove(updateID)
    give(.completeUpdate(updateID: updateID, outcome: outcome))
    guard updates.isEmpty, let ending = updates.ending else { return }
    updates.ending = nil
    finish(with: ending)
  }
}
