@preconcurrency import Dispatch
import Foundation
import Orchestrator
import PostgreSQL

/// A process of the engine for tests to kill and freeze: `--database CONNECTION --role owner|worker|client|migrate --name NAME`. Every line it writes
/// to standard output was true before it was written; it ends when its standard input does.
@main struct EngineProcess {
  static func main() async throws {
    let arguments = try ProcessArguments(CommandLine.arguments.dropFirst())
    Log.setLevel(.warning)
    let termination = Termination()
    Thread.detachNewThread {
      while readLine() != nil {}
      _exit(0)
    }
    switch arguments.role {
    case .owner: try await owner(arguments, termination)
    case .worker: try await worker(arguments, termination)
    case .client: try await client(arguments, termination)
    case .migrate: try Schema.migrate(ConnectionConfiguration(arguments.database))
    }
  }

  private static func owner(_ arguments: ProcessArguments, _ termination: Termination) async throws {
    var configuration = EngineConfiguration(database: ConnectionConfiguration(arguments.database), build: arguments.build)
    configuration.identity = arguments.name
    configuration.lease = .milliseconds(arguments.leaseMilliseconds)
    configuration.cachedRuns = arguments.cachedRuns
    configuration.localTaskQueues = ["default": 50]
    configuration.drainTime = .seconds(2)
    let engine = try Engine(configuration, syntheticRegistry(executor: arguments.executor))
    engine.start()
    try await engine.waitUntilReady()
    say("ready", arguments.name)
    let load = Task { await JourneyLoad(engine.client, arguments).run(inFlight: arguments.journeys) }
    await termination.wait()
    load.cancel()
    await engine.shutdown()
    say("ended", arguments.name)
  }

  /// Owns nothing: what it starts and signals goes through the inbox.
  private static func client(_ arguments: ProcessArguments, _ termination: Termination) async throws {
    let database = try Database(ConnectionConfiguration(arguments.database, applicationName: "orchestrator-client"), maximumConnections: 8)
    let client = Client(database, syntheticRegistry(), identity: arguments.name)
    say("ready", arguments.name)
    let load = Task { await JourneyLoad(client, arguments).run(inFlight: arguments.journeys) }
    await termination.wait()
    load.cancel()
    await load.value
    await database.shutdown()
    say("ended", arguments.name)
  }

  private static func worker(_ arguments: ProcessArguments, _ termination: Termination) async throws {
    var configuration = ActivityWorkerConfiguration(
      database: ConnectionConfiguration(arguments.database), taskQueues: ["remote": 8])
    configuration.identity = arguments.name
    configuration.lease = .milliseconds(arguments.leaseMilliseconds)
    let worker = try ActivityWorker(configuration, syntheticRegistry(executor: arguments.executor))
    say("ready", arguments.name)
    async let running: Void = worker.run()
    await termination.wait()
    worker.stop()
    await running
    say("ended", arguments.name)
  }
}

/// SIGTERM, heard from the beginning.
final class Termination: Sendable {
  private let requests: AsyncStream<Void>
  private let source: any DispatchSourceSignal

  init() {
    let (requests, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    self.requests = requests
    signal(SIGTERM, SIG_IGN)
    source = DispatchSource.makeSignalSource(signal: SIGTERM)
    source.setEventHandler { continuation.yield() }
    source.resume()
  }

  func wait() async {
    for await _ in requests { return }
  }
}

/// Writes one whole line at once: what a test has read of it, it has read all.
func say(_ words: String...) {
  let line = Array((words.joined(separator: " ") + "\n").utf8)
  _ = write(STDOUT_FILENO, line, line.count)
}

struct ProcessArguments {
  enum Role: String {
    case owner, worker, client, migrate
  }

  var database = ""
  var role = Role.owner
  var name = ""
  var leaseMilliseconds = 10_000
  var cachedRuns = 1000
  var build = "engine-process"
  /// Journeys the process itself keeps going, through its own client.
  var journeys = 0
  /// Some of them are errands in worker processes and runs that are cancelled.
  var isMixed = false
  /// Say every execution of an activity.
  var saysExecutions = false

  /// Who executes, when that is to be said.
  var executor: String? { saysExecutions ? name : nil }

  init(_ arguments: some Sequence<String>) throws {
    var iterator = arguments.makeIterator()
    while let name = iterator.next() {
      guard let value = iterator.next() else { throw ArgumentProblem(argument: name) }
      switch name {
      case "--database": database = value
      case "--role": role = try Role(rawValue: value).orThrow(ArgumentProblem(argument: value))
      case "--name": self.name = value
      case "--lease": leaseMilliseconds = try Int(value).orThrow(ArgumentProblem(argument: value))
      case "--cached-runs": cachedRuns = try Int(value).orThrow(ArgumentProblem(argument: value))
      case "--journeys": journeys = try Int(value).orThrow(ArgumentProblem(argument: value))
      case "--build": build = value
      case "--mixed": isMixed = value == "yes"
      case "--executions": saysExecutions = value == "yes"
      default: throw ArgumentProblem(argument: name)
      }
    }
  }
}

struct ArgumentProblem: Error {
  let argument: String
}

extension Optional {
  fileprivate func orThrow(_ error: some Error) throws -> Wrapped {
    guard let self else { throw error }
    return self
  }
}
