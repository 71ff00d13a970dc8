import Foundation
import Orchestrator
import PostgreSQL

/// The one binary: the first word chooses the command.
@main
struct Main {
  static func main() async {
    var arguments = Arguments(Array(CommandLine.arguments.dropFirst()))
    do {
      try await run(&arguments)
    } catch let error as UsageError {
      fail("\(error)\nRun `orchestratord help` for the commands.", status: 64)
    } catch let error as OrchestratorError {
      fail("\(error)", status: error.code.exitStatus)
    } catch let error as DatabaseError {
      fail("\(error)", status: 69)
    } catch {
      fail("\(error)", status: 1)
    }
  }

  private static func run(_ arguments: inout Arguments) async throws {
    switch try arguments.positional() {
    case "dev": try await ServeCommand.dev(&arguments)
    case "serve": try await ServeCommand.serve(&arguments)
    case "worker": try await WorkerCommand.run(&arguments)
    case "demo": try await DemoCommand.run(&arguments)
    case "bench": try await BenchCommand.run(&arguments)
    case "bench-process": try await BenchmarkProcessCommand.run(&arguments)
    case "workflow": try await WorkflowCommand.run(&arguments)
    case "batch": try await BatchCommand.run(&arguments)
    case "activity": try await ActivityCommand.run(&arguments)
    case "search-attribute": try await SearchAttributeCommand.run(&arguments)
    case "queue": try await QueueCommand.run(&arguments)
    case "schedule": try await ScheduleCommand.run(&arguments)
    case "replay": try await ReplayCommand.run(&arguments)
    case "check": try await CheckCommand.run(&arguments)
    case "account": try await AccountCommand.run(&arguments)
    case "config": try ConfigCommand.run(&arguments)
    case "migrate": try await MigrateCommand.run(&arguments)
    case nil, "help": print(help)
    case "version": try await VersionCommand.run(&arguments)
    case let word?: throw UsageError("there is no command '\(word)'")
    }
  }

  private static func fail(_ text: String, status: Int32) -> Never {
    FileHandle.standardError.write(Data("orchestratord: \(text)\n".utf8))
    exit(status)
  }

  private static let help = """
    orchestratord: durable workflows on PostgreSQL

    Processes that stay
      dev        everything in one process, with an embedded PostgreSQL in .orchestrator/
      serve      API and slot owner; --queues none leaves activities to workers
      worker     activities only: any number of these, on any host; `worker list` shows them

    Operating
      workflow   list, count, show, start, signal, update, query, cancel, terminate, retry, export
      batch      start, list, show, cancel: one operation on every run that a query finds
      activity   list, retry, complete, fail, reset, update-options, pause, resume
      search-attribute   add, list: what runs can be found by
      queue      list, show, set, unset: how many steps of a queue run at once and begin in a second
      version    list, set-current, ramp, clear: versions of workflow code; alone it tells the program's own
      schedule   list, describe, create, update, preview, pause, unpause, trigger, backfill, delete
      replay     a stored or exported history against the code of this build
      check      every open run against the code of this build, before it is deployed
      account    create, list, roles, block, unblock: who logs in, and the first admin
      config     check, show, list: the settings, where they come from and what is wrong with them
      migrate    brings the database's schema up to date; --dry-run only tells

    Trying out
      demo       a song from upload to published, shown step by step; --song FILE takes yours
      bench      measures the engine here against its targets; --quick, or --workload NAME --rounds N --count N --in-flight M --json

    \(Settings.options)
    Environment: DATABASE_URL, PORT, GEMINI_API_KEY, ORCHESTRATOR_TOKENS (token:user:role,...) and more: `orchestratord config list`
    """
}
