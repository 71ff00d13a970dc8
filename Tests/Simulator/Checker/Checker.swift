import Foundation

// For `StoreObserver` alone.
@testable import Orchestrator

/// The promises as invariants, judged at every change of the tables from plain values: it knows nothing of the engine's code.
final class Checker: StoreObserver {
  private struct Message {
    let run: UUID
    let kind: Int
    let requestID: String?
    let sequence: Int?
    let isResult: Bool
    /// An owner wrote it for one of its runs: whom it is for may have ended.
    let isFromRun: Bool
    var isVisible: Bool
  }

  /// A step of a run.
  private struct Execution: Hashable {
    let run: UUID
    let sequence: Int
  }

  private(set) var violations: [String] = []
  /// True time: microseconds since the Unix epoch.
  var now: Int64 = 0
  /// Microseconds by which an owner's estimate of the database's clock may be off.
  var clockError: Int64 = 0
  private var runs: [UUID: CheckedRun] = [:]
  private var openRuns: [String: Set<UUID>] = [:]
  private var fencedProcesses: [Int64: Bool] = [:]
  private var slotOwners: [Int: Int64] = [:]
  private var messages: [Int64: Message] = [:]
  private var executions: [Int: Execution] = [:]
  private var leases: [Execution: Int64] = [:]
  private var closedRuns: Set<UUID> = []
  private var chains = CheckedChains()
  private var families = CheckedFamilies()
  /// The last event of each run that was copied.
  private var copies: [UUID: Int] = [:]
  /// Runs of which a copy begins in the batch that is being written.
  private var copiedBases: [UUID] = []
  /// Workflow ids with a run that began in the batch that is being written.
  private var begun: [String] = []
  private var acknowledgedSignals: Set<String> = []
  private var startsWithSignal: [String: UUID] = [:]
  private var acknowledgedStarts: Set<UUID> = []
  private var acknowledgedUpdates: Set<String> = []
  private var rejectedUpdates: Set<String> = []
  private(set) var acknowledgements = 0
  private(set) var events = 0
  var runCount: Int { runs.count }

  func violated(_ promise: String, _ text: String) {
    if violations.count < 5 { violations.append("\(promise): \(text)") }
  }

  // Ownership: one writer.

  func registered(process: Int64) { fencedProcesses[process] = false }

  func fenced(process: Int64) { fencedProcesses[process] = true }

  func owned(slot: Int, process: Int64?) {
    if let process, let before = slotOwners[slot], before != process {
      violated("P2", "slot \(slot) went from \(before) to \(process) directly")
    }
    slotOwners[slot] = process
  }

  func committed(by process: Int64) {
    if fencedProcesses[process] != false { violated("P2", "process \(process) wrote after it was fenced off") }
  }

  private func checkWriter(_ process: Int64, _ slot: Int, _ run: UUID) {
    if slotOwners[slot] != process { violated("P2", "process \(process) wrote \(run), slot \(slot) belongs to \(slotOwners[slot] ?? 0)") }
  }

  // Histories.

  func started(run: UUID, slot: Int, workflow: String, isRefused: Bool, by process: Int64) {
    checkWriter(process, slot, run)
    if runs[run] != nil { return violated("P2", "run \(run) started twice") }
    runs[run] = CheckedRun(slot: slot, workflow: workflow, isRefused: isRefused)
    guard !isRefused else { return }
    openRuns[workflow, default: []].insert(run)
    begun.append(workflow)
  }

  func written(by process: Int64) {
    for workflow in begun where openRuns[workflow, default: []].count > 1 {
      violated("P2", "workflow id \(workflow) has two open runs")
    }
    for base in copiedBases where !closedRuns.contains(base) { violated("P2", "run \(base) goes on beside the run that replaces it") }
    copiedBases = []
    begun = []
    for problem in chains.endBatch() { violated("P1", problem) }
    let problems = families.endBatch {
      runs[$0] != nil || isWaiting($0, 1)
    } isTold: { run, kind in
      isWaiting(run, kind) || (kind == 3 ? isCancelled(run) : isOver(run))
    }
    for problem in problems { violated("P1", problem) }
  }

  func recorded(
    run: UUID, slot: Int, event: Int, type: Int, at: Int64, causedBy: Int, _ attributes: [UInt8], by process: Int64
  ) {
    events += 1
    checkWriter(process, slot, run)
    let fields = AttributeScanner(attributes)
    if let problem = chains.take(run, type, causedBy: causedBy, fields) { violated("P1", "run \(run): \(problem)") }
    let isCopied = event <= copies[run] ?? 0
    if !isCopied, let problem = families.take(run, event, type, causedBy: causedBy, fields, ending: { runs[$0]?.ending }) {
      violated("P4", "run \(run): \(problem)")
    }
    guard let problem = runs[run]?.take(event, type, at: at, causedBy: causedBy, fields) else {
      if runs[run] == nil { violated("P2", "an event of run \(run), which has not started") }
      if isCopied { return }
      if type == CheckedRun.Number.done || type == CheckedRun.Number.marker { checkResult(run, fields) }
      if type == CheckedRun.Number.timerFired { checkTimer(run, fields) }
      if type == CheckedRun.Number.externalSignaled { checkDelivery(run, fields) }
      return
    }
    violated(String(problem.prefix { $0 != ":" }), "run \(run): \(problem)")
  }

  /// A result comes from an execution of just this step.
  private func checkResult(_ run: UUID, _ fields: AttributeScanner) {
    guard let token = fields.integer("result"), let sequence = fields.integer("sequence") else { return }
    if executions[token] != Execution(run: run, sequence: sequence) {
      violated("P4", "run \(run) records result \(token) for step \(sequence), which gave none")
    }
  }

  /// A run that is told that its signal arrived: it stands in the other's history.
  private func checkDelivery(_ run: UUID, _ fields: AttributeScanner) {
    let request = "\(run.uuidString.lowercased())/\(fields.integer("sequence") ?? 0)"
    guard let target = fields.text("runId").flatMap(UUID.init(uuidString:)), chains.holds(request, target) else {
      return violated("P1", "run \(run) was told that signal \(request) arrived")
    }
  }

  private func checkTimer(_ run: UUID, _ fields: AttributeScanner) {
    guard let timer = runs[run]?.timers[fields.integer("sequence") ?? 0] else { return }
    if now + clockError + 1000 < timer.dueAt { violated("P5", "a timer of run \(run) fired \(timer.dueAt - now) us early") }
  }

  func copied(run: UUID, from base: UUID, lastEvent: Int) {
    copies[run] = lastEvent
    copiedBases.append(base)
    if runs[base] == nil { violated("P2", "run \(run) is a copy of \(base), which has not started") }
    runs[run]?.isCopy = true
  }

  func attributed(run: UUID, _ attributes: [UInt8]) { runs[run]?.storedNumber = AttributeScanner(attributes).integer("Number") }

  func hidden(run: UUID) { violated("P7", "open run \(run) is neither parked nor above the low-water mark of its slot") }

  func closed(run: UUID, lastEvent: Int, by process: Int64) {
    guard let checked = runs[run] else { return violated("P2", "run \(run) closed without a start") }
    if checked.storedNumber != checked.recordedNumber {
      violated("P7", "run \(run) is found by \(checked.storedNumber ?? 0), its history says \(checked.recordedNumber ?? 0)")
    }
    if !closedRuns.insert(run).inserted { violated("P2", "run \(run) closed twice") }
    if !checked.isEnded || checked.lastEvent != lastEvent { violated("P2", "run \(run) closed at \(lastEvent) of \(checked.lastEvent)") }
    openRuns[checked.workflow]?.remove(run)
    if let unseen = messages.first(where: { $0.value.run == run && $0.value.isVisible && ![5, 8, 11, 20].contains($0.value.kind) }) {
      violated("P1", "run \(run) closed over message \(unseen.key)")
    }
  }

  // Messages.

  func inserted(message: Int64, run: UUID, kind: Int, _ attributes: [UInt8], isVisible: Bool) {
    let fields = AttributeScanner(attributes)
    messages[message] = Message(
      run: run, kind: kind,
      requestID: kind == 1 ? fields.text("requestID") : kind == 2 ? fields.text("requestId") : kind == 9 ? fields.text("updateId") : nil,
      sequence: fields.integer("sequence"), isResult: fields.has("result"), isFromRun: isVisible, isVisible: isVisible)
  }

  func visible(message: Int64) {
    messages[message]?.isVisible = true
    // A start that was asked for twice may come when its run has ended: it was started, as promised.
    if let message = messages[message], ![1, 5, 20].contains(message.kind), closedRuns.contains(message.run) {
      violated("P1", "run \(message.run) was closed when a message of kind \(message.kind) for it was accepted")
    }
  }

  func deleted(message number: Int64, by process: Int64) {
    guard let message = messages.removeValue(forKey: number) else { return violated("P1", "message \(number) went twice") }
    let run = runs[message.run]
    let isKept =
      switch message.kind {
      case 1: run != nil
      case 2: message.requestID.map { request in chains.holds(request, message.run) || message.isFromRun && isOver(message.run) } ?? true
      case 9: run?.isEnded == true || message.requestID.map { isTold($0, inChainOf: message.run) } ?? true
      case 3: isCancelled(message.run)
      case 4: isOver(message.run)
      case 5: !message.isResult || run?.isEnded == true || message.sequence.map { run?.settled.contains($0) == true } == true
      case 8: run?.isEnded == true || message.sequence.map { families.isSettled($0, of: message.run) } == true
      default: true
      }
    if !isKept { violated("P1", "message \(number) of kind \(message.kind) for run \(message.run) is gone and not in its history") }
  }

  func rejected(update: String, run: UUID) {
    if runs[run]?.updates[update] != nil { violated("P1", "update \(update) of run \(run) was accepted and rejected") }
    rejectedUpdates.insert(update)
  }

  /// An earlier run of its chain may have answered it.
  private func isTold(_ update: String, inChainOf run: UUID) -> Bool {
    isTold(update, runs[run]) || chains.predecessor(of: run).map { isTold(update, inChainOf: $0) } ?? false
  }

  private func isTold(_ update: String, _ run: CheckedRun?) -> Bool { rejectedUpdates.contains(update) || run?.updates[update] != nil }

  func acknowledgedUpdate(_ update: String) {
    acknowledgements += 1
    acknowledgedUpdates.insert(update)
    let isThere = runs.values.contains { isTold(update, $0) } || messages.values.contains { $0.requestID == update && $0.isVisible }
    if !isThere { violated("P1", "update \(update) was acknowledged and is nowhere") }
  }

  private func isWaiting(_ run: UUID, _ kind: Int) -> Bool { messages.values.contains { $0.run == run && $0.kind == kind && $0.isVisible } }

  /// Whether cancellation of the run reached whoever goes on with its work.
  private func isCancelled(_ run: UUID) -> Bool {
    guard let checked = runs[run] else { return false }
    if checked.isCancelRequested { return true }
    return checked.isEnded && (chains.successor(of: run).map(isCancelled) ?? true)
  }

  /// Whether the run ended and nobody goes on with its work.
  private func isOver(_ run: UUID) -> Bool { runs[run]?.isEnded == true && (chains.successor(of: run).map(isOver) ?? true) }

  /// It came with a start that its workflow id did not allow: the run that failed says so.
  private func isRefused(_ request: String) -> Bool {
    guard let run = startsWithSignal[request].flatMap({ runs[$0] }) else { return false }
    return run.isRefused && run.ending == CheckedRun.Number.failed
  }

  func acknowledgedStart(_ run: UUID) {
    acknowledgements += 1
    acknowledgedStarts.insert(run)
    if runs[run] == nil, !messages.values.contains(where: { $0.run == run && $0.kind == 1 && $0.isVisible }) {
      violated("P1", "the start of run \(run) was acknowledged and is nowhere")
    }
  }

  /// - Parameter start: the run that the signal was to begin; nil when it came alone.
  func acknowledgedSignal(_ requestID: String, with start: UUID? = nil) {
    acknowledgements += 1
    if let start { startsWithSignal[requestID] = start }
    acknowledgedSignals.insert(requestID)
    let isThere =
      runs.values.contains { $0.requests.contains(requestID) } || messages.values.contains { $0.requestID == requestID && $0.isVisible }
    if !isThere { violated("P1", "signal \(requestID) was acknowledged and is nowhere") }
  }

  // Activities.

  func began(run: UUID, sequence: Int) {
    if runs[run]?.scheduled[sequence] == nil { violated("P1", "activity \(sequence) of run \(run) began before its event was durable") }
  }

  func executed(_ token: Int64, run: UUID, sequence: Int) {
    executions[Int(token)] = Execution(run: run, sequence: sequence)
  }

  func leased(run: UUID, sequence: Int, token: Int64) { leases[Execution(run: run, sequence: sequence)] = token }

  func extended(run: UUID, sequence: Int, token: Int64) {
    if leases[Execution(run: run, sequence: sequence)] != token {
      violated("P4", "a heartbeat kept activity \(sequence) of run \(run) after its lease was lost")
    }
  }

  func leaseEnded(run: UUID, sequence: Int, token: Int64) { leases[Execution(run: run, sequence: sequence)] = nil }

  func finished(run: UUID, sequence: Int, token: Int64, isResult: Bool) {
    let current = leases[Execution(run: run, sequence: sequence)]
    // Who sweeps acts on tasks without a lease too.
    if isResult || token != 0, current != token { violated("P4", "a word on activity \(sequence) of run \(run) after its lease was lost") }
    leases[Execution(run: run, sequence: sequence)] = nil
  }

  // The end.

  func finish(leftovers: [String], unanswered: [String]) {
    for text in leftovers { violated("left behind", text) }
    for text in unanswered { violated("one word for a message", text) }
    for (run, checked) in runs where !closedRuns.contains(run) { violated("P5", "run \(run) of \(checked.workflow) did not end") }
    for run in acknowledgedStarts where runs[run] == nil { violated("P1", "run \(run) was acknowledged and never started") }
    for problem in families.unsettled(isEnded: { closedRuns.contains($0) }) { violated("P5", problem) }
    let recorded = runs.values.reduce(into: Set<String>()) { $0.formUnion($1.requests) }
    for update in acknowledgedUpdates where !runs.values.contains(where: { isTold(update, $0) }) {
      violated("P1", "update \(update) was neither accepted nor rejected")
    }
    for request in acknowledgedSignals where !recorded.contains(request) && !isRefused(request) {
      violated("P1", "signal \(request) is in no history")
    }
  }
}
