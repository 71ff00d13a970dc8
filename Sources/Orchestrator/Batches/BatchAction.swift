/// What a batch does to each of its runs.
public enum BatchAction: Sendable, Equatable, CustomStringConvertible {
  /// Signals it; once, whatever happens to processes meanwhile.
  case signal(name: String, input: Payload)
  case cancel
  case terminate
  case pause
  /// Lets a paused run go on.
  case resume
  /// As `Client.retry`: a failed run from before the step that failed, a blocked one at once.
  case retry
  /// Removes an ended run with all that is stored of it.
  case delete
  /// As `Client.reset`, with messages after the point that are not delivered again.
  case reset(to: ResetPoint, excluding: Set<ResetExclusion> = [])

  public var description: String {
    switch self {
    case .signal(let name, _): "signal \(name)"
    case .cancel: "cancel"
    case .terminate: "terminate"
    case .pause: "pause"
    case .resume: "resume"
    case .retry: "retry"
    case .delete: "delete"
    case .reset(let point, let exclusions):
      "reset to \(point)" + (exclusions.isEmpty ? "" : ", without \(exclusions.map(\.rawValue).sorted().joined(separator: " and "))")
    }
  }

  /// The statuses of runs that it can be done to: others are none of the batch's, whatever its query says.
  var statuses: [WorkflowStatus] {
    switch self {
    case .signal, .cancel, .terminate, .pause: WorkflowStatus.allCases.filter(\.isOpen)
    case .resume: [.paused]
    case .delete: WorkflowStatus.allCases.filter { !$0.isOpen }
    case .retry: [.failed, .canceled, .terminated, .timedOut, .blocked]
    case .reset: WorkflowStatus.allCases
    }
  }

  /// What it weighs in one message, in bytes.
  var bytes: Int { if case .signal(_, let input) = self { input.bytes.count } else { 0 } }
}

/// Fields `action`, and of a signal `name` and `input`, of a reset `point` and `exclude`.
extension BatchAction: Codable {
  private struct Form: Codable {
    enum Kind: String, Codable { case signal, cancel, terminate, pause, resume, retry, delete, reset }

    let action: Kind
    var name: String?
    var input: Payload?
    var point: String?
    var exclude: [String]?
  }

  private var form: Form {
    switch self {
    case .signal(let name, let input): Form(action: .signal, name: name, input: input)
    case .cancel: Form(action: .cancel)
    case .terminate: Form(action: .terminate)
    case .pause: Form(action: .pause)
    case .resume: Form(action: .resume)
    case .retry: Form(action: .retry)
    case .delete: Form(action: .delete)
    case .reset(let point, let exclusions):
      Form(action: .reset, point: point.description, exclude: exclusions.map(\.rawValue).sorted())
    }
  }

  public func encode(to encoder: any Encoder) throws {
    try form.encode(to: encoder)
  }

  public init(from decoder: any Decoder) throws {
    let form = try Form(from: decoder)
    func missing(_ field: String) -> DecodingError {
      .dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "\(form.action.rawValue) needs a valid \(field)"))
    }
    switch form.action {
    case .signal:
      guard let name = form.name else { throw missing("name") }
      self = .signal(name: name, input: form.input ?? .null)
    case .cancel: self = .cancel
    case .terminate: self = .terminate
    case .pause: self = .pause
    case .resume: self = .resume
    case .retry: self = .retry
    case .delete: self = .delete
    case .reset:
      guard let point = form.point.flatMap(ResetPoint.init) else { throw missing("point") }
      self = .reset(
        to: point,
        excluding: Set(
          try (form.exclude ?? []).map { word in
            guard let exclusion = ResetExclusion(rawValue: word) else { throw missing("exclude") }
            return exclusion
          }))
    }
  }
}
