import Cryptography
import HTTP
import Orchestrator
import Workflows

/// A service elsewhere that does jobs of one type.
public struct ExternalProcessor: Sendable {
  /// As requests name it.
  public var type: String
  /// Where jobs are sent.
  public var url: String
  /// Signs what goes to it and what comes from it.
  public var secret: WebhookSecret
  /// From the call to the result; default one hour.
  public var timeout = Duration.hours(1)
  /// Between two looks; default 10 s.
  public var pollEvery = Duration.seconds(10)
  /// Of one file of a result; default 1 GiB.
  public var resultBytes = 1 << 30
  /// Where results and states may be read. The processor's own URL is the operator's word.
  public var addressPolicy = AddressPolicy.publicOnly

  public init(type: String, url: String, secret: WebhookSecret) {
    self.type = type
    self.url = url
    self.secret = secret
  }

  /// A processor that is asked too often would fill the history of the run.
  var terms: ProcessorTerms { ProcessorTerms(timeout: timeout, pollEvery: max(pollEvery, timeout / 1000)) }

  /// Parameters go to the processor as they are, which knows what they mean.
  func checked(_ parameters: Payload?) throws(JobParameterError) -> Payload {
    let parameters = parameters ?? Payload(json: Array("{}".utf8))
    guard case .object? = try? PayloadCodec.decode(JSONValue.self, from: parameters) else {
      throw JobParameterError(name: nil, reason: "must be a JSON object")
    }
    return parameters
  }
}

/// The URLs that external processors are given, which somebody must be there to answer.
public struct ProcessorLinks: Sendable {
  /// Where the input of a job is read for a while, without any other token.
  public var input: @Sendable (JobWork, _ lifetime: Duration) throws -> (url: String, expiresAt: Double)
  /// Where the result is reported, and the token of this try of the job.
  public var callback: @Sendable (JobWork, _ lifetime: Duration) throws -> (url: String, token: String)

  public init(
    input: @escaping @Sendable (JobWork, _ lifetime: Duration) throws -> (url: String, expiresAt: Double),
    callback: @escaping @Sendable (JobWork, _ lifetime: Duration) throws -> (url: String, token: String)
  ) {
    self.input = input
    self.callback = callback
  }
}
