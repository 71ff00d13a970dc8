import Orchestrator

/// Makes a program that breaks something smaller, as long as it still does.
struct ProgramShrinker {
  private static let attempts = 300

  private let broken: [Action]
  private let isBroken: ([Action]) -> Bool

  init(broken: [Action], _ isBroken: @escaping ([Action]) -> Bool) {
    self.broken = broken
    self.isBroken = isBroken
  }

  func smallest() -> [Action] {
    var smallest = broken
    var left = Self.attempts
    var isSmaller = true
    while isSmaller {
      isSmaller = false
      for candidate in Self.smaller(smallest) where left > 0 {
        left -= 1
        guard isBroken(candidate) else { continue }
        smallest = candidate
        isSmaller = true
        break
      }
    }
    return smallest
  }

  /// The same with one part less, or with a part in the place of what holds it.
  private static func smaller(_ steps: [Action]) -> [[Action]] {
    steps.indices.flatMap { index -> [[Action]] in
      var without = steps
      without.remove(at: index)
      return [without]
        + smaller(steps[index]).map { part in
          var changed = steps
          changed[index] = part
          return changed
        }
    }
  }

  /// Never what is only certain where it stands: the end of a deadline, and what a child is told.
  private static func smaller(_ action: Action) -> [Action] {
    switch action {
    case .steps(let steps): smaller(steps).map(Action.steps) + steps.filter { $0 != .never }
    case .together(let branches): smaller(branches).map(Action.together) + branches
    case .rescue(let body): [body] + smaller(body).map(Action.rescue)
    case .scope(let body, let until):
      [until] + smaller(body).map { .scope($0, until: until) } + smaller(until).map { .scope(body, until: $0) }
    case .deadline(let milliseconds, let body):
      Prediction(body) == .never ? [] : [body] + smaller(body).map { .deadline(milliseconds: milliseconds, $0) }
    case .child(let child):
      smaller(child.steps).map { steps in
        .child(
          Action.Child(number: child.number, steps: steps, policy: child.policy, isAwaited: child.isAwaited, heard: child.heard))
      }
    case .activity, .inline, .timer, .hear, .confirm, .patch, .never, .renew: []
    }
  }
}
