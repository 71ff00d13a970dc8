/// What comes of a program: found by going through it from beginning to end, without the engine.
enum Prediction: Equatable, Sendable {
  case value(Int)
  case failure(Int)
  /// It waits for ever.
  case never

  init(steps: [Action]) {
    var total = 0
    for step in steps {
      switch Prediction(step) {
      case .value(let value): total = Arithmetic.mix(total, value)
      case let ending:
        self = ending
        return
      }
    }
    self = .value(total)
  }

  init(_ action: Action) {
    switch action {
    case .steps(let steps): self.init(steps: steps)
    case .together(let branches): self = Self.together(branches.map(Prediction.init))
    case .activity(let number, let failures, _):
      self = failures >= Action.hopeless ? .failure(Arithmetic.ofActivity(number)) : .value(Arithmetic.value(of: number))
    case .inline(let number), .hear(let number), .confirm(let number), .patch(let number): self = .value(Arithmetic.value(of: number))
    case .timer(let milliseconds): self = .value(Arithmetic.value(of: milliseconds))
    case .child(let child): self = Self.child(child)
    case .scope(_, let until): self.init(until)
    case .deadline(_, let body):
      let ending = Prediction(body)
      self = ending == .never ? .failure(Arithmetic.timeout) : ending
    case .rescue(let body):
      let ending = Prediction(body)
      if case .failure(let code) = ending { self = .value(Arithmetic.rescued(code)) } else { self = ending }
    case .never: self = .never
    case .renew: self = .value(0)
    }
  }

  private static func together(_ endings: [Prediction]) -> Prediction {
    if endings.contains(.never) { return .never }
    var total = 0
    for ending in endings {
      guard case .value(let value) = ending else { return ending }
      total = Arithmetic.mix(total, value)
    }
    return .value(total)
  }

  private static func child(_ child: Action.Child) -> Prediction {
    guard child.isAwaited else { return .value(Arithmetic.value(of: child.number)) }
    let ending = Prediction(steps: child.steps)
    if case .failure(let code) = ending { return .failure(Arithmetic.ofChild(code)) }
    return ending
  }
}
