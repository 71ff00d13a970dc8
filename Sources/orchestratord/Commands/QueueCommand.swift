import Foundation
import Orchestrator

/// `orchestratord queue ...` and `orchestratord worker list`: task queues, what they allow, and who serves them.
struct QueueCommand {
  let session: OperatorSession
  private var client: Client { session.client }
  private var output: TerminalOutput { session.output }

  static let help = """
    orchestratord queue list [--json]
    orchestratord queue show NAME [--json]
    orchestratord queue set NAME [--concurrency N] [--rate ATTEMPTS-PER-SECOND [--burst N]]
    orchestratord queue unset NAME
    orchestratord worker list [--json]
    """

  static func run(_ arguments: inout Arguments) async throws {
    try await OperatorSession.run(&arguments) { try await QueueCommand(session: $0).run(&$1) }
  }

  func run(_ arguments: inout Arguments) async throws {
    switch try arguments.positional() {
    case "list": try await list(&arguments)
    case "show": try await show(&arguments)
    case "set": try await set(&arguments)
    case "unset": try await unset(&arguments)
    case let word: throw UsageError("\(word.map { "there is no 'queue \($0)'" } ?? "say what to do"):\n\(Self.help)")
    }
  }

  private func list(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    try arguments.finish()
    let queues = try await client.queues()
    if isJSON { return try output.json(Listing(items: queues, nextCursor: nil)) }
    if queues.isEmpty { return output.line("no queue has tasks, limits or workers") }
    let limits = Dictionary(grouping: try await client.limitedQueues(), by: \.taskQueue)
    var table = TerminalTable("QUEUE", "READY", "DELAYED", "RUNNING", "OLDEST", "WORKERS", "LIMITS")
    for queue in queues {
      let texts = limits[queue.taskQueue, default: []].map { ($0.namespace == "default" ? "" : "\($0.namespace): ") + $0.limits.text }
      table.add(
        .init(queue.taskQueue), .init("\(queue.ready)"), .init("\(queue.delayed)"), .init("\(queue.leased)"),
        .init(queue.oldestAgeMilliseconds.map(Self.age) ?? ""), .init("\(queue.pollers)", queue.pollers == 0 ? .waiting : .plain),
        .init(texts.joined(separator: "; ")))
    }
    output.table(table)
  }

  private func show(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let name = try arguments.required("the queue")
    try arguments.finish()
    let limited = try await client.limitedQueues(name)
    if isJSON { return try output.json(Listing(items: limited, nextCursor: nil)) }
    if limited.isEmpty { return output.line("\(name): no limits") }
    var table = TerminalTable("NAMESPACE", "LIMITS", "RUNNING", "WAITING", "OLDEST")
    for queue in limited {
      table.add(
        .init(queue.namespace), .init(queue.limits.text), .init("\(queue.running)"), .init("\(queue.waiting)"),
        .init(queue.oldestAgeMilliseconds.map(Self.age) ?? ""))
    }
    output.table(table)
  }

  private func set(_ arguments: inout Arguments) async throws {
    var limits = QueueLimits()
    limits.concurrency = try arguments.number("--concurrency", in: 0...1_000_000).map { Int32($0) }
    limits.burst = try arguments.number("--burst", in: 1...1_000_000).map { Int32($0) }
    if let text = try arguments.option("--rate") {
      guard let rate = Double(text), (0.001...1_000_000).contains(rate) else {
        throw UsageError("--rate takes attempts a second, 0.001 to 1000000, not '\(text)'")
      }
      limits.rate = rate
    }
    let namespace = try arguments.namespace()
    let name = try arguments.required("the queue")
    try arguments.finish()
    guard limits.burst == nil || limits.rate != nil else { throw UsageError("--burst goes with --rate") }
    try await client.setQueue(name, limits, namespace: namespace)
    output.line("\(name): \(limits.text)")
  }

  private func unset(_ arguments: inout Arguments) async throws {
    let namespace = try arguments.namespace()
    let name = try arguments.required("the queue")
    try arguments.finish()
    try await client.unsetQueue(name, namespace: namespace)
    output.line("\(name): no limits")
  }

  func listWorkers(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    try arguments.finish()
    let workers = try await client.workers()
    if isJSON { return try output.json(Listing(items: workers, nextCursor: nil)) }
    if workers.isEmpty { return output.line("no worker was seen in the last hour") }
    var table = TerminalTable("WORKER", "QUEUE", "PLACES", "RUNNING", "SILENT", "BUILD")
    for worker in workers {
      table.add(
        .init(worker.worker), .init(worker.taskQueue), .init(worker.concurrency.map { "\($0)" } ?? ""), .init("\(worker.running)"),
        .init(Self.age(worker.silentMilliseconds), worker.silentMilliseconds > 30_000 ? .bad : .plain), .init(worker.build ?? ""))
    }
    output.table(table)
  }

  private static func age(_ milliseconds: Int64) -> String {
    switch milliseconds / 1000 {
    case ..<120: "\(milliseconds / 1000) s"
    case ..<7200: "\(milliseconds / 60_000) min"
    default: "\(milliseconds / 3_600_000) h"
    }
  }
}

/// `orchestratord worker`, which stays, and `orchestratord worker list`, which looks.
enum WorkerCommand {
  static func run(_ arguments: inout Arguments) async throws {
    var rest = arguments
    guard (try? rest.positional()) == "list" else { return try await ServeCommand.worker(&arguments) }
    try await OperatorSession.run(&rest) { try await QueueCommand(session: $0).listWorkers(&$1) }
  }
}

extension QueueLimits {
  fileprivate var text: String {
    var parts: [String] = []
    if let concurrency { parts.append("\(concurrency) at once") }
    if let rate { parts.append("\(rate.formatted()) a second" + (burst.map { ", \($0) at most after a quiet time" } ?? "")) }
    return parts.isEmpty ? "no limits" : parts.joined(separator: ", ")
  }
}
