/// What is in flight on one pipeline connection, and how the stream of results becomes outcomes. Pure: it does no I/O.
///
/// | group          | result  | becomes                                             |
/// |----------------|---------|-----------------------------------------------------|
/// | no failure yet | success | value kept when the step is a statement             |
/// | no failure yet | failure | failure kept with the statement's index             |
/// | failed         | any     | ignored: the server skips to the Sync               |
/// | any            | sync    | outcome: all values, or the failure (rolled back)   |
struct PipelineLedger<Value> {
  enum Step: Equatable {
    /// Parse of the statement with this index in its group.
    case prepare(Int, name: String)
    case execute(Int)

    var index: Int {
      switch self {
      case .prepare(let index, _), .execute(let index): index
      }
    }
  }

  enum Outcome {
    case success([Value])
    case failure(DatabaseError, statementIndex: Int)
  }

  enum Effect: Equatable {
    case none
    /// The server holds the prepared statement now; that stays so when the transaction is rolled back.
    case prepared(String)
    /// The server never saw these Parse messages: the group failed before them.
    case finished(neverPrepared: [String])
    /// A result came that nothing waits for.
    case outOfStep
  }

  private struct Group {
    let steps: [Step]
    let statements: [String]
    var next = 0
    var values: [Value] = []
    var failure: (error: DatabaseError, index: Int)?
    var unconfirmed: [String]
  }

  private var groups: [Group] = []
  private var head = 0
  private(set) var outcomes: [Outcome] = []

  var inFlight: Int { groups.count - head }
  /// The failure the server already reported for the oldest group.
  var currentFailure: DatabaseError? { inFlight > 0 ? groups[head].failure?.error : nil }
  /// The name of the statement whose result comes next.
  var currentStatement: String? {
    guard inFlight > 0, groups[head].next < groups[head].steps.count else { return nil }
    return groups[head].statements[groups[head].steps[groups[head].next].index]
  }

  /// A group left for the server: its steps in order, and the names of its statements.
  mutating func begin(_ steps: [Step], statements: [String]) {
    let unconfirmed = steps.compactMap { if case .prepare(_, let name) = $0 { name } else { nil } }
    groups.append(Group(steps: steps, statements: statements, unconfirmed: unconfirmed))
  }

  mutating func takeOutcomes() -> [Outcome] {
    defer { outcomes.removeAll(keepingCapacity: true) }
    return outcomes
  }

  mutating func succeeded(_ value: Value) -> Effect {
    guard let step = takeStep() else { return .outOfStep }
    switch step {
    case .prepare(_, let name):
      groups[head].unconfirmed.removeAll { $0 == name }
      return .prepared(name)
    case .execute:
      groups[head].values.append(value)
      return .none
    }
  }

  mutating func failed(_ error: DatabaseError) -> Effect {
    guard let step = takeStep() else { return .outOfStep }
    if groups[head].failure == nil { groups[head].failure = (error, step.index) }
    return .none
  }

  /// A statement the server skipped because an earlier one of its group failed.
  mutating func skipped() -> Effect {
    guard takeStep() != nil, groups[head].failure != nil else { return .outOfStep }
    return .none
  }

  mutating func synced() -> Effect {
    guard inFlight > 0 else { return .outOfStep }
    let group = groups[head]
    guard group.failure != nil || group.next == group.steps.count else { return .outOfStep }
    head += 1
    if head == groups.count {
      groups.removeAll(keepingCapacity: true)
      head = 0
    }
    if let failure = group.failure {
      outcomes.append(.failure(failure.error, statementIndex: failure.index))
    } else {
      outcomes.append(.success(group.values))
    }
    return .finished(neverPrepared: group.unconfirmed)
  }

  private mutating func takeStep() -> Step? {
    guard inFlight > 0, groups[head].next < groups[head].steps.count else { return nil }
    defer { groups[head].next += 1 }
    return groups[head].steps[groups[head].next]
  }
}
