import Orchestrator

/// All types of job: whoever adds one adds it here.
public struct JobTypes: Sendable {
  private static let local: [any LocalJob.Type] = [Loudness.self, Conversion.self]

  public init() {}

  /// In the order in which they are shown.
  public var names: [String] { Self.local.map { $0.name } }

  /// The parameters of a job, checked and with their defaults, as they are stored; nil for a type that is not known.
  /// - Throws: `JobParameterError`.
  public func parameters(of type: String, _ given: Payload?) throws -> Payload? {
    guard let job = Self.local.first(where: { $0.name == type }) else { return nil }
    var parameters = try JobParameters(given)
    let checked = try job.init(&parameters)
    try parameters.finish()
    return try PayloadCodec.encode(checked)
  }

  /// The job with parameters that were checked; nil for a type that is not known, or parameters that it does not take any more.
  func localJob(_ type: String, _ parameters: Payload) -> (any LocalJob)? {
    guard let job = Self.local.first(where: { $0.name == type }) else { return nil }
    return try? PayloadCodec.decode(job, from: parameters)
  }
}
