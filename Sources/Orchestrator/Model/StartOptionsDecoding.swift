/// Options of a start as JSON from outside: the names that `orchestrator.start_workflow` takes; what is not there has its default, a name that is none
/// is refused.
extension StartOptions: Decodable {
  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
    init(_ name: String) { stringValue = name }
  }

  private static let names = [
    "reusePolicy", "conflictPolicy", "startDelayMilliseconds", "executionTimeoutMilliseconds", "runTimeoutMilliseconds", "retryPolicy",
    "versioning",
  ]
  private static let retryNames = [
    "initialIntervalMilliseconds", "backoffCoefficient", "maximumIntervalMilliseconds", "maximumAttempts", "nonRetryableErrorTypes",
    "hasFullJitter",
  ]

  public init(from decoder: any Decoder) throws {
    let container = try Self.container(of: decoder, names: Self.names)
    func milliseconds(_ name: String) throws -> Duration? {
      try container.decodeIfPresent(Int64.self, forKey: Name(name)).map { .milliseconds($0) }
    }
    self.init(
      reusePolicy: try container.decodeIfPresent(WorkflowIDReusePolicy.self, forKey: Name("reusePolicy")) ?? .allowDuplicate,
      conflictPolicy: try container.decodeIfPresent(WorkflowIDConflictPolicy.self, forKey: Name("conflictPolicy")) ?? .fail,
      startDelay: try milliseconds("startDelayMilliseconds"), executionTimeout: try milliseconds("executionTimeoutMilliseconds"),
      runTimeout: try milliseconds("runTimeoutMilliseconds"),
      retryPolicy: try container.decodeIfPresent(Retry.self, forKey: Name("retryPolicy"))?.policy,
      versioning: try container.decodeIfPresent(Versioning.self, forKey: Name("versioning"))?.versioning)
  }

  private struct Versioning: Decodable {
    let versioning: RunVersioning

    init(from decoder: any Decoder) throws {
      let container = try StartOptions.container(of: decoder, names: ["behavior", "version"])
      switch try container.decode(VersioningBehavior.self, forKey: Name("behavior")) {
      case .pinned: versioning = .pinned(try container.decode(String.self, forKey: Name("version")))
      case .autoUpgrade: versioning = .autoUpgrade
      }
    }
  }

  private struct Retry: Decodable {
    let policy: RetryPolicy

    init(from decoder: any Decoder) throws {
      let container = try StartOptions.container(of: decoder, names: retryNames)
      func value<Value: Decodable>(_ name: String, _ standard: Value) throws -> Value {
        try container.decodeIfPresent(Value.self, forKey: Name(name)) ?? standard
      }
      let standard = RetryPolicy()
      policy = RetryPolicy(
        initialInterval: .milliseconds(try value("initialIntervalMilliseconds", standard.initialIntervalMilliseconds)),
        backoffCoefficient: try value("backoffCoefficient", standard.backoffCoefficient),
        maximumInterval: .milliseconds(try value("maximumIntervalMilliseconds", standard.maximumIntervalMilliseconds)),
        maximumAttempts: try value("maximumAttempts", standard.maximumAttempts),
        nonRetryableErrorTypes: try value("nonRetryableErrorTypes", standard.nonRetryableErrorTypes),
        hasFullJitter: try value("hasFullJitter", standard.hasFullJitter))
    }
  }

  private static func container(of decoder: any Decoder, names: [String]) throws -> KeyedDecodingContainer<Name> {
    let container = try decoder.container(keyedBy: Name.self)
    if let unknown = container.allKeys.map(\.stringValue).sorted().first(where: { !names.contains($0) }) {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "'\(unknown.prefix(100))' is none of \(names.joined(separator: ", "))"))
    }
    return container
  }
}
