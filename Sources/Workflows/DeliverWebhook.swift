import Orchestrator

/// One event on its way to one endpoint: tried until the endpoint has taken it, or no attempt is left.
///
/// Its history holds an id and times. The address, the secret and what is sent are read at each attempt.
public struct DeliverWebhook: Workflow {
  public static let name = "DeliverWebhook"

  public struct State: WorkflowState {
    public var attempts = 0
    public init() {}
  }

  public init() {}

  /// - Returns: how many attempts there were.
  public func run(_ workflow: Context<Self>, _ order: WebhookOrder) async throws -> Int {
    while true {
      workflow.state.attempts += 1
      let attempt = WebhookAttempt(deliveryID: order.deliveryID, number: workflow.state.attempts)
      let verdict = try await workflow.execute(Steps.deliverWebhook, attempt)
      guard let wait = verdict.waitMilliseconds else { return attempt.number }
      try await workflow.sleep(.milliseconds(wait))
    }
  }
}

/// What a delivery's workflow begins with.
public struct WebhookOrder: Codable, Sendable, Equatable {
  /// A UUID.
  public var deliveryID: String

  public init(deliveryID: String) { self.deliveryID = deliveryID }
}

/// One attempt of a delivery.
public struct WebhookAttempt: Codable, Sendable, Equatable {
  /// A UUID.
  public var deliveryID: String
  /// 1 for the first.
  public var number: Int

  public init(deliveryID: String, number: Int) {
    self.deliveryID = deliveryID
    self.number = number
  }
}

/// What follows an attempt.
public struct WebhookVerdict: Codable, Sendable, Equatable {
  /// Until the next attempt; nil when it is done, in one way or the other.
  public var waitMilliseconds: Int64?

  public init(waitMilliseconds: Int64? = nil) { self.waitMilliseconds = waitMilliseconds }
}
