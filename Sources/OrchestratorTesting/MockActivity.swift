import Orchestrator
import Synchronization

/// An activity as a test wants it: anything that can stand in for an implementation.
public protocol MockedActivity: Sendable {
  /// Takes the place of the activity's implementation.
  func implement(in registry: inout Registry)
}

/// An activity that a closure answers, and that remembers how it was called.
///
///     let charge = MockActivity(Steps.charge, script: [.fails(Declined()), .timesOut]) { cents in "receipt for \(cents)" }
///     ...
///     #expect(charge.callCount == 3)
public final class MockActivity<Input: Codable & Sendable, Output: Codable & Sendable>: MockedActivity {
  /// How one attempt ends.
  public enum Outcome: Sendable {
    case returns(Output)
    case fails(any Error)
    /// Its worker says nothing more: it ends when its time is up, by the activity's options.
    case timesOut
  }

  private struct State {
    var inputs: [Input] = []
    var script: ArraySlice<Outcome>
  }

  private let activity: Activity<Input, Output>
  private let duration: Duration
  private let body: @Sendable (Input) async throws -> Output
  private let state: Mutex<State>

  /// - Parameters:
  ///   - taking: how long each attempt lasts, in virtual time; default none.
  ///   - script: how the first attempts end, one after another; the body answers what comes after them.
  ///   - body: what an attempt does; what it throws fails the attempt.
  public init(
    _ activity: Activity<Input, Output>, taking duration: Duration = .zero, script: [Outcome] = [],
    _ body: @escaping @Sendable (Input) async throws -> Output
  ) {
    self.activity = activity
    self.duration = duration
    self.body = body
    state = Mutex(State(script: script[...]))
  }

  /// One that always gives the same result.
  public convenience init(
    _ activity: Activity<Input, Output>, taking duration: Duration = .zero, script: [Outcome] = [], returns output: Output
  ) {
    self.init(activity, taking: duration, script: script) { _ in output }
  }

  /// What it was called with, attempt after attempt.
  public var inputs: [Input] { state.withLock(\.inputs) }

  /// How many attempts were made.
  public var callCount: Int { state.withLock(\.inputs.count) }

  /// Takes the place of the activity's implementation.
  public func implement(in registry: inout Registry) {
    registry.replace(activity) { input, _ in try await self.answer(input) }
  }

  private func answer(_ input: Input) async throws -> Output {
    let scripted = state.withLock { state in
      state.inputs.append(input)
      return state.script.popFirst()
    }
    try await VirtualTime.sleep(for: duration)
    switch scripted {
    case .returns(let output): return output
    case .fails(let error): throw error
    case .timesOut:
      // Longer than any limit: whoever set one ends this.
      try await VirtualTime.sleep(for: .days(36_500))
      throw CancellationError()
    case nil: return try await body(input)
    }
  }
}

extension MockActivity where Output == Nothing {
  /// One that has no result.
  public convenience init(_ activity: Activity<Input, Output>, taking duration: Duration = .zero, script: [Outcome] = []) {
    self.init(activity, taking: duration, script: script) { _ in Nothing() }
  }
}
