import HTTP
import Orchestrator

/// All types of job: whoever adds one adds it here, or configures a processor.
public struct JobTypes: Sendable {
  private static let local: [any LocalJob.Type] = [Loudness.self, Conversion.self]

  /// The names that processors cannot have.
  public static var localNames: [String] { local.map { $0.name } }

  private let processors: [ExternalProcessor]
  private let reach: (links: ProcessorLinks, client: HTTPClient)?

  /// Those that are done here.
  public init() {
    processors = []
    reach = nil
  }

  /// Those too, and one for each processor.
  public init(processors: [ExternalProcessor], links: ProcessorLinks, client: HTTPClient) {
    self.processors = processors
    reach = (links, client)
  }

  /// In the order in which they are shown.
  public var names: [String] { Self.localNames + processors.map(\.type) }

  /// Nil for a type that is done here, or not known.
  public func processor(of type: String) -> ExternalProcessor? { processors.first { $0.type == type } }

  /// The parameters of a job, checked and with their defaults, as they are stored; nil for a type that is not known.
  /// - Throws: `JobParameterError`.
  public func parameters(of type: String, _ given: Payload?) throws -> Payload? {
    if let processor = processor(of: type) { return try processor.checked(given) }
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

  func call(of type: String) -> ProcessorCall? {
    guard let processor = processor(of: type), let reach else { return nil }
    return ProcessorCall(processor: processor, links: reach.links, client: reach.client)
  }
}
