import Orchestrator

/// Draws programs. A program ends, whatever happens around it, and what comes of it does not depend on who is quicker:
///
/// - what is cancelled, or left behind, has no part in the result;
/// - a time limit is a day, or lies around something that never ends and cannot fail before;
/// - whom a parent may forget (an abandoned child) waits for no signal.
struct ProgramGenerator {
  private struct Place {
    var depth: Int
    /// Signals that somebody sends to this run.
    var mayHear: Bool
    /// Updates, which only clients send.
    var mayConfirm = false
    /// It may be cancelled at any time.
    var isCancellable = false
  }

  private var random: Randomness
  private var budget: Int
  private var lastNumber = 0

  init(seed: UInt64) {
    random = Randomness(seed: seed ^ 0x5EED)
    budget = 4 + random.draw(0...24)
  }

  /// The outermost steps.
  mutating func program() -> [Action] {
    let renews = random.chance(0.3)
    var steps: [Action] = []
    repeat {
      steps.append(action(Place(depth: 4, mayHear: true, mayConfirm: !renews)))
      if renews, random.chance(0.4) { steps.append(.renew) }
    } while budget > 0 && steps.count < 8
    return steps
  }

  private mutating func number() -> Int {
    lastNumber += 1
    return lastNumber
  }

  private mutating func action(_ place: Place) -> Action {
    budget -= 1
    var deeper = place
    deeper.depth -= 1
    guard place.depth > 0, budget > 0 else { return leaf(place) }
    switch random.draw(0...13) {
    case 0, 1: return .steps(actions(deeper))
    case 2, 3: return .together(actions(deeper))
    case 4, 5: return child(deeper)
    case 6: return scope(deeper)
    case 7: return .deadline(milliseconds: 86_400_000, action(deeper))
    case 8: return .deadline(milliseconds: random.draw(1...800), .steps(harmless(deeper) + [.never]))
    case 9: return .rescue(action(deeper))
    default: return leaf(place)
    }
  }

  private mutating func actions(_ place: Place) -> [Action] {
    (0..<random.draw(1...4)).map { _ in action(place) }
  }

  private mutating func leaf(_ place: Place) -> Action {
    switch random.draw(0...11) {
    case 0: return .inline(number())
    case 1, 2: return .timer(milliseconds: random.draw(0...5) == 0 ? random.draw(1000...3000) : random.draw(0...60))
    case 3, 4, 5: return place.mayHear ? .hear(number()) : .timer(milliseconds: 3)
    case 6: return place.mayConfirm ? .confirm(number()) : .patch(number())
    case 7: return .patch(number())
    case 8: return .activity(number(), failures: Action.hopeless, isRemote: random.chance(0.3))
    default: return .activity(number(), failures: random.chance(0.3) ? random.draw(1...2) : 0, isRemote: random.chance(0.4))
    }
  }

  /// What cannot fail, and needs nobody.
  private mutating func harmless(_ place: Place) -> [Action] {
    (0..<random.draw(0...2)).map { _ in
      budget -= 1
      switch random.draw(0...3) {
      case 0: return .timer(milliseconds: random.draw(0...60))
      case 1: return .together([.activity(number(), failures: 0, isRemote: true), .timer(milliseconds: random.draw(0...60))])
      case 2: return .inline(number())
      default: return .activity(number(), failures: random.draw(0...1), isRemote: random.chance(0.4))
      }
    }
  }

  private mutating func scope(_ place: Place) -> Action {
    var inner = place
    inner.isCancellable = true
    let body = action(inner)
    return .scope(random.chance(0.3) ? .steps([body, .never]) : body, until: action(place))
  }

  private mutating func child(_ place: Place) -> Action {
    let number = number()
    let isAwaited = random.chance(0.6)
    let policy = isAwaited ? .terminate : ParentClosePolicy.allCases[random.draw(0...2)]
    let isForgotten = policy == .abandon
    let inner = Place(
      depth: place.depth, mayHear: !isForgotten && !place.isCancellable, isCancellable: place.isCancellable || !isAwaited)
    let steps = (0..<random.draw(1...3)).map { _ in action(inner) }
    let heard = steps.flatMap(\.own).compactMap { if case .hear(let number) = $0 { number } else { nil } }
    return .child(Action.Child(number: number, steps: steps, policy: policy, isAwaited: isAwaited, heard: heard))
  }
}
