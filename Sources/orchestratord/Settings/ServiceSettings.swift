import Orchestrator

extension Settings {
  /// Where the process finds its database and files, and what it does there.
  static let service: [Setting] = [
    Setting(
      "--database", "URL", "DATABASE_URL", \.databaseURL, standard: "the embedded PostgreSQL",
      "connection string of libpq; a role that may create the schemas `orchestrator`, `music`, `access` and `events`, end its own "
        + "sessions, and create roles or be a member of `orchestrator_api`",
      isSecret: true
    ) { $0.text.isEmpty ? nil : $0.text },
    .text(
      "--data", "FOLDER", "ORCHESTRATOR_DATA", \.dataFolder,
      "the embedded PostgreSQL, scratch files, and the files if `--store` is not given"),
    .text(
      "--store", "FOLDER", "ORCHESTRATOR_STORE", \.storeFolder, standard: "`store` in the data folder",
      "uploads and what is made of them"),
    .text("--address", "A", "ORCHESTRATOR_ADDRESS", \.address, "numeric address where the API listens"),
    Setting(
      "--port", "N", "PORT", \.port, standard: "`\(Configuration.standard.port)`", "0 takes a free one and prints it"
    ) { UInt16(try $0.number(in: 0...65_535)) },
    .number(
      "--connections", "ORCHESTRATOR_CONNECTIONS", \.connections, in: 1...1_000_000, "connections of clients at once; further ones wait"),
    .number(
      "--connections-per-address", "ORCHESTRATOR_CONNECTIONS_PER_ADDRESS", \.connectionsPerAddress, in: 1...1_000_000,
      "those of one address; as many as `--connections` behind a proxy, which has limits of its own"),
    Setting(
      "--queues", "name=count,...", "ORCHESTRATOR_QUEUES", \.taskQueues,
      standard: "`\(queueText(Configuration.standard.taskQueues))`",
      "queues whose steps run here, with how many at a time; `none` for no queue", parse: queues),
    .number(
      "--cached-runs", "ORCHESTRATOR_CACHED_RUNS", \.cachedRuns, in: 1...10_000_000, "runs kept in memory with nothing in flight"),
    Setting(
      "--lease-milliseconds", "N", "ORCHESTRATOR_LEASE_MILLISECONDS", \.lease,
      standard: "`\(Configuration.standard.lease.milliseconds)`", "silence after which a process or a remote step counts as dead"
    ) { .milliseconds(try $0.number(in: 500...600_000)) },
    // Less than an hour would overtake what looks at ended runs every minute.
    Setting(
      "--retention-hours", "N", "ORCHESTRATOR_RETENTION_HOURS", \.retention, standard: "for ever",
      "how long an ended run is kept, 1 to 876000; then all its rows go (the same for all processes of a database)"
    ) { .hours(try $0.number(in: 1...876_000)) },
    .text(
      "--key-ring", "FILE", "ORCHESTRATOR_KEY_RING", \.keyRing, standard: "values are stored as they are",
      "[keys](payloads.md#compression-and-encryption) that values are encrypted with, the same for all processes of a database"),
    Setting(
      "--encrypt-failures", nil, "ORCHESTRATOR_ENCRYPT_FAILURES", \.encryptsFailures,
      standard: "only details of failures are encrypted", "messages and stack traces too; `1` in the environment"
    ) { try $0.isOn() },
    .text(
      "--trace-file", "FILE", "ORCHESTRATOR_TRACE_FILE", \.traceFile, standard: "none",
      "[spans](payloads.md#headers-and-traces) of requests, runs and steps are appended there, one JSON object a line"),
    Setting(
      "--log-level", "LEVEL", "LOG_LEVEL", \.logLevel, standard: "`info`", "debug (every request too), info, warning or error",
      parse: logLevel),
    Setting(
      "--log-format", "FORMAT", "ORCHESTRATOR_LOG_FORMAT", \.logFormat, standard: "`text`",
      "text for people, or json: an object a line with `time`, `level`, `event`, `message` and fields such as `request_id`, `run_id`"
    ) { value in
      guard let format = Log.Format(rawValue: value.text) else { throw UsageError("\(value.name) is text or json, not '\(value.text)'") }
      return format
    },
  ]

  /// `name=count,name=count`; `none` for no queue.
  @Sendable private static func queues(_ value: SettingText) throws(UsageError) -> [String: Int] {
    var queues: [String: Int] = [:]
    for part in value.text.split(separator: ",") where value.text != "none" {
      let words = part.split(separator: "=")
      guard words.count == 2, let count = Int(words[1]), (1...100_000).contains(count) else {
        throw UsageError("\(value.name) is written name=count,name=count, for example media=2,catalog=16")
      }
      queues[String(words[0])] = count
    }
    return queues
  }

  static func queueText(_ queues: [String: Int]) -> String {
    queues.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
  }

  @Sendable private static func logLevel(_ value: SettingText) throws(UsageError) -> Log.Level {
    switch value.text {
    case "debug": return .debug
    case "info": return .info
    case "warning": return .warning
    case "error": return .error
    default: throw UsageError("\(value.name) is debug, info, warning or error, not '\(value.text)'")
    }
  }
}
