import Orchestrator

/// One node of a random workflow program: what is to be done, as a value. Programs are made so that what comes of them does not depend on
/// who is quicker: then a plain interpreter knows it beforehand.
indirect enum Action: Codable, Sendable, Equatable {
  /// One after another, up to the first that fails.
  case steps([Action])
  /// Side by side; all are waited for, then the first by position that failed counts.
  case together([Action])
  /// An activity whose first attempts fail.
  case activity(Int, failures: Int, isRemote: Bool)
  case inline(Int)
  case timer(milliseconds: Int)
  /// Waits for the signal of this number.
  case hear(Int)
  /// Waits until the update of this number was handled.
  case confirm(Int)
  case child(Child)
  /// Does the first beside the second, and cancels it when the second has ended; only that one counts.
  case scope(Action, until: Action)
  /// A time limit that is either far away, or certain to be reached.
  case deadline(milliseconds: Int, Action)
  /// A failure becomes a value.
  case rescue(Action)
  case patch(Int)
  /// Waits for what never comes.
  case never
  /// Goes on as a new run with the rest; stands between the outermost steps only.
  case renew

  struct Child: Codable, Sendable, Equatable {
    /// Its number in the whole program.
    let number: Int
    let steps: [Action]
    let policy: ParentClosePolicy
    let isAwaited: Bool
    /// Signals that it waits for: its parent sends them.
    let heard: [Int]
  }

  /// Attempts of an activity that never succeeds.
  static let hopeless = 1000

  /// The parts of which it is made.
  var parts: [Action] {
    switch self {
    case .steps(let parts), .together(let parts): parts
    case .child(let child): child.steps
    case .scope(let body, let until): [body, until]
    case .deadline(_, let body), .rescue(let body): [body]
    case .activity, .inline, .timer, .hear, .confirm, .patch, .never, .renew: []
    }
  }

  /// It and all that is in it, but for what children do.
  var own: [Action] {
    if case .child = self { return [self] }
    return [self] + parts.flatMap(\.own)
  }

  /// How many nodes it has.
  var size: Int { parts.reduce(1) { $0 + $1.size } }

  /// As a tree, two spaces a level.
  func lines(_ indent: String = "") -> [String] {
    let name =
      switch self {
      case .steps: "steps"
      case .together: "together"
      case .activity(let number, let failures, let isRemote):
        "activity \(number)\(isRemote ? " elsewhere" : "")\(failures == 0 ? "" : failures >= Self.hopeless ? " fails" : " fails \(failures) times")"
      case .inline(let number): "inline \(number)"
      case .timer(let milliseconds): "timer of \(milliseconds) ms"
      case .hear(let number): "hear \(number)"
      case .confirm(let number): "confirm \(number)"
      case .child(let child): "child \(child.number), \(child.isAwaited ? "awaited" : child.policy.rawValue), told \(child.heard)"
      case .scope: "scope"
      case .deadline(let milliseconds, _): "deadline of \(milliseconds) ms"
      case .rescue: "rescue"
      case .patch(let number): "patch \(number)"
      case .never: "never"
      case .renew: "renew"
      }
    return [indent + name] + parts.flatMap { $0.lines(indent + "  ") }
  }
}

/// How values come together: the same numbers for the workflow and for who foretells it.
enum Arithmetic {
  static func value(of number: Int) -> Int { (number &* 7919 &+ 13) & 0xFF_FFFF }
  static func mix(_ total: Int, _ value: Int) -> Int { (total &* 31 &+ value) & 0xFF_FFFF }
  static func rescued(_ code: Int) -> Int { (code &* 2 &+ 1) & 0xFF_FFFF }

  static let timeout = 7
  static func ofActivity(_ number: Int) -> Int { number &* 3 &+ 1 }
  static func ofChild(_ code: Int) -> Int { (code &+ 5) & 0xFF_FFFF }
}
