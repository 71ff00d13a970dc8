import Foundation

@testable import Orchestrator

/// Somebody who starts a workflow, sends it messages and insists until each is acknowledged, directly or by SQL, as `Client` does.
final class ClientModel: @unchecked Sendable {
  // Safe to share: like everything of a world, it is used by one thread.
  private enum Order {
    case start(RunID)
    /// With a signal of this request id, for the new run or the open one.
    case startWithSignal(RunID, String)
    case signal(SignaledAttributes)
    case update(UpdateAttributes)
    case cancel
    case terminate
  }

  // Proof: see `Machine.world`.
  unowned(unsafe) let world: World
  let index: Int
  let type: String
  /// What it wants; nil for whatever it draws.
  let errand: Errand?
  let key: WorkflowKey
  private let slot: Slot
  private var orders: [Order] = []
  private var round = 0
  private var lastAsk = 0
  /// The answer that is waited for.
  private var waitsFor = 0
  private(set) var isDone = false
  /// Starts by somebody else, and requests that may still arrive although nobody waits for their answer any more.
  private var underWay = 0
  private var more = 0
  private static let mostMore = 50
  var pauses = 0
  var resets = 0
  private var pending: [Int: (host: OwnerHost, generation: Int, process: Int64?)] = [:]

  init(_ world: World, _ index: Int, _ errand: Errand? = nil) {
    self.world = world
    self.index = index
    self.errand = errand
    type = errand == nil ? ["Journey", "Decision", "Brief", "Contest", "Relay", "Family"][world.random.draw(0...5)] : Program.name
    key = WorkflowKey(workflowID: SimulatedSlots.workflowID(of: index, &world.random))
    slot = key.slot
  }

  var description: String { "client \(index) of \(type) \(key.workflowID) waits to \(orders.first.map { "\($0)" } ?? "see the end")" }

  func begin() {
    world.after(world.random.draw(0...600_000)) { [self] in startRound() }
  }

  private func startRound() {
    round += 1
    let runID = world.makeRunID()
    orders = [.start(runID)]
    if errand == nil, ["Brief", "Relay", "Decision"].contains(type), world.random.chance(0.4) {
      orders = [.startWithSignal(runID, "\(key.workflowID)/\(round)/first")]
    }
    if let errand { orders += requests(of: errand) } else { drawOrders() }
    next()
  }

  /// All that a program waits for, in any order, and something that it refuses.
  private func requests(of errand: Errand) -> [Order] {
    var requests = errand.signals.map { number in
      Order.signal(
        SignaledAttributes(
          name: "s\(number)", input: Payload(json: Array("\(Arithmetic.value(of: number))".utf8)), identity: "client",
          requestID: "\(key.workflowID)/s\(number)"))
    }
    requests += (errand.updates + (errand.updates.isEmpty ? [] : [-1])).map { number in
      Order.update(
        UpdateAttributes(
          updateID: "\(key.workflowID)/u\(number)", name: Program.confirm.name, input: Payload(json: Array("\(number)".utf8)),
          identity: "client"))
    }
    return requests.shuffled(using: &world.random)
  }

  private func drawOrders() {
    let ticks = type == "Contest" || type == "Family" ? 0 : type == "Journey" ? 2 + world.random.draw(0...1) : world.random.draw(0...3)
    for tick in 0..<ticks {
      orders.append(
        .signal(
          SignaledAttributes(
            name: "tick", input: Payload(json: Array("5".utf8)), identity: "client", requestID: "\(key.workflowID)/\(round)/\(tick)")))
    }
    for number in 0..<(type == "Decision" ? world.random.draw(0...2) : 0) {
      let update = UpdateAttributes(
        updateID: "\(key.workflowID)/\(round)/update-\(number)", name: "adjust",
        input: Payload(json: Array("\(world.random.draw(0...11))".utf8)), identity: "client")
      orders.insert(.update(update), at: world.random.draw(1...orders.count))
    }
    if world.random.chance(0.15) { orders.insert(.cancel, at: world.random.draw(1...orders.count)) }
    if world.random.chance(0.07) { orders.insert(.terminate, at: world.random.draw(1...orders.count)) }
    // Somebody else wants the same workflow id.
    if world.random.chance(0.15) {
      underWay += 1
      world.after(world.random.draw(0...20_000)) { [self] in startRival() }
    }
  }

  private func next() {
    guard let order = orders.first else { return watch() }
    lastAsk += 1
    waitsFor = lastAsk
    let number = lastAsk
    carryOut(order, number)
    let patience: Int64 = world.fault(.impatience) ? world.random.draw(1000...400_000) : 8_000_000
    world.after(patience) { [self] in
      if waitsFor == number, !orders.isEmpty { next() }
    }
  }

  private func carryOut(_ order: Order, _ number: Int) {
    switch order {
    case .start(let runID):
      if world.random.chance(0.5), let host = hostOfSlot() {
        direct(host, number) { .message(OwnerMessage(runID: runID, body: .start(self.started), reply: $0)) }
      } else {
        bySQL(number) { $0.start(self.started, runID, in: $1) }
      }
    case .startWithSignal(let runID, let requestID):
      let started = started(with: requestID)
      if world.random.chance(0.5), let host = hostOfSlot() {
        direct(host, number) { .message(OwnerMessage(runID: runID, body: .start(started), reply: $0)) }
      } else {
        bySQL(number) { $0.start(started, runID, in: $1) }
      }
    case .signal(let signal):
      send(.signal(signal), .signal, IncomingEvent.signaled(signal).encoded(), number)
    case .update(let update):
      send(.update(update), .update, IncomingEvent.updateAccepted(update).encoded(), number)
    case .cancel:
      let event = IncomingEvent.cancelRequested(reason: "", identity: "client")
      send(.cancel(reason: "", identity: "client"), .cancel, event.encoded(), number)
    case .terminate:
      let event = IncomingEvent.terminated(reason: "", identity: "client")
      bySQL(number) { $0.send(.terminate, event.encoded(), to: self.key, in: $1) }
    }
  }

  private var started: StartedAttributes {
    StartedAttributes(
      workflowType: type, namespace: key.namespace, workflowID: key.workflowID, input: input, identity: "client", build: "",
      searchAttributes: errand != nil || index.isMultiple(of: 2) ? nil : SearchAttributes(["Number": .int(Int64(index + round))]).payload,
      options: errand == nil ? options.recorded() : nil)
  }

  private func started(with requestID: String) -> StartedAttributes {
    var options = options
    if options.conflictPolicy == .fail { options.conflictPolicy = .useExisting }
    var started = started
    started.options = options.recorded(
      with: StartMessage(isUpdate: false, name: "tick", input: Payload(json: Array("5".utf8)), requestID: requestID))
    return started
  }

  /// Every start of a round asks for the same.
  private var options: StartOptions {
    let again = SimulatedSteps.policy(3)
    return switch (index * 5 + round) % 10 {
    case 1: StartOptions(runTimeout: .milliseconds(900))
    case 2: StartOptions(retryPolicy: again)
    case 3: StartOptions(startDelay: .milliseconds(300))
    case 4: StartOptions(conflictPolicy: .useExisting)
    case 5: StartOptions(conflictPolicy: .terminateExisting)
    case 6:
      StartOptions(
        reusePolicy: .allowDuplicateFailedOnly, executionTimeout: .milliseconds(1500), runTimeout: .milliseconds(400), retryPolicy: again)
    case 7: StartOptions(reusePolicy: .rejectDuplicate, conflictPolicy: .terminateExisting, startDelay: .milliseconds(50))
    default: .standard
    }
  }

  private var input: Payload {
    if let errand { return (try? errand.input) ?? .null }
    let number = index * 37 + round
    return Payload(json: Array((type == "Relay" ? #"{"legs":0,"number":\#(number),"received":0}"# : "\(number)").utf8))
  }

  private func send(_ body: OwnerMessage.Body, _ kind: InboxKind, _ attributes: [UInt8], _ number: Int) {
    if world.random.chance(0.5), let host = hostOfSlot() {
      direct(host, number) { .send(self.key, body, $0) }
    } else {
      bySQL(number) { $0.send(kind, attributes, to: self.key, in: $1) }
    }
  }

  private func hostOfSlot() -> OwnerHost? { world.owners.first { $0.isRunning && $0.owner?.slots.contains(slot) == true } }

  // Directly to the owner in the same process.

  private func direct(_ host: OwnerHost, _ number: Int, _ input: (@escaping Reply) -> OwnerInput) {
    pending[number] = (host, host.generation, host.process)
    let generation = host.generation
    host.put(
      input { [self] error in
        // A process that died in the middle of its turn tells nobody anything.
        guard host.generation == generation else { return }
        guard pending.removeValue(forKey: number) != nil else {
          world.checker.violated("one word for a message", "client \(index) was answered twice")
          return
        }
        world.note(.reply, index, Int64(number), error.map { $0.code.name } ?? "")
        // The open run has the signal. A run that this owner knows as closed may have gone on as another: as `Client` does, the store is asked
        // before that counts.
        let isGiven = error?.openRunID != nil && isStartWithSignal
        answered(number, isGiven ? .accepted : error.map { .refused($0.code == .workflowClosed ? .unavailable : $0.code) } ?? .accepted)
      })
  }

  /// Messages that nobody answered although the process that took them still lives.
  var unanswered: [Int] {
    pending.filter { $0.value.host.generation == $0.value.generation && $0.value.host.process == $0.value.process }.keys.sorted()
  }

  /// How what became of a program differs from what was foretold.
  var mismatch: String? { errand.flatMap { $0.mismatch(world.store, key) } }

  // By the functions in SQL, in a transaction that may stay open for a while.

  private func bySQL(_ number: Int, looks: Int = 0, _ call: @escaping (StoreModel, Int) -> StoreModel.Sending) {
    underWay += 1
    world.after(world.latency()) { [self] in
      let transaction = world.store.begin()
      let sending = call(world.store, transaction)
      world.note(.request, index, Int64(number), "\(sending)")
      guard sending == .accepted else {
        world.store.rollBack(transaction)
        underWay -= 1
        if sending == .waits, looks < 500 {
          world.after(10_000) { [self] in bySQL(number, looks: looks + 1, call) }
        } else {
          tell(number, sending == .waits ? .refused(.unavailable) : sending)
        }
        return
      }
      let open: Int64 = world.fault(.openTransaction) ? world.random.draw(1000...60_000) : world.random.draw(100...1000)
      world.after(open) { [self] in
        underWay -= 1
        world.store.commit(transaction)
        world.notifyOwners()
        tell(number, .accepted)
      }
    }
  }

  private func tell(_ number: Int, _ sending: StoreModel.Sending) {
    guard !world.fault(.cut) else { return }
    world.after(world.latency()) { [self] in answered(number, sending) }
  }

  private func answered(_ number: Int, _ sending: StoreModel.Sending) {
    guard waitsFor == number, let order = orders.first else { return }
    waitsFor = 0
    world.note(.answer, index, Int64(number), "\(sending)")
    switch sending {
    case .accepted:
      acknowledged(order)
      orders.removeFirst()
      next()
    case .refused(.workflowClosed), .refused(.workflowAlreadyStarted), .refused(.workflowNotFound), .refused(.invalidArgument):
      // Closed, or somebody else was first: nothing was promised. A start refused as poison is tried with another identifier.
      if case .refused(.invalidArgument) = sending, let again = withAnotherRun(order) {
        orders[0] = again
        world.after(10_000) { [self] in next() }
        return
      }
      if case .refused(.workflowNotFound) = sending, world.store.workflowKeys.contains(key) == false {
        world.after(10_000) { [self] in next() }
        return
      }
      orders.removeFirst()
      next()
    case .refused, .waits: world.after(world.random.draw(1000...20_000)) { [self] in next() }
    }
  }

  private func withAnotherRun(_ order: Order) -> Order? {
    switch order {
    case .start: .start(world.makeRunID())
    case .startWithSignal(_, let requestID): .startWithSignal(world.makeRunID(), requestID)
    default: nil
    }
  }

  private func acknowledged(_ order: Order) {
    switch order {
    case .start(let runID): world.checker.acknowledgedStart(runID.uuid)
    case .signal(let signal): world.checker.acknowledgedSignal(signal.requestID)
    case .update(let update): world.checker.acknowledgedUpdate(update.updateID)
    case .startWithSignal(let runID, let requestID): world.checker.acknowledgedSignal(requestID, with: runID.uuid)
    case .cancel, .terminate: break
    }
  }

  private var isStartWithSignal: Bool {
    if case .startWithSignal? = orders.first { true } else { false }
  }

  private func startRival() {
    let runID = world.makeRunID()
    let transaction = world.store.begin()
    guard world.store.start(started, runID, in: transaction) == .accepted else {
      underWay -= 1
      return world.store.rollBack(transaction)
    }
    world.after(world.random.draw(100...50_000)) { [self] in
      underWay -= 1
      world.store.commit(transaction)
      world.checker.acknowledgedStart(runID.uuid)
      world.notifyOwners()
    }
  }

  /// Until nothing of the workflow id is open any more. Whoever forgets its activity is an operator's case.
  private func watch() {
    let isStarting = world.store.inbox.contains {
      $0.key == key || $0.row.kind == .reset && world.store.runs[$0.row.runID]?.key == key
    }
    if underWay == 0, !isStarting, world.store.openRuns[key]?.isEmpty != false {
      if errand == nil, world.random.chance(0.25), round < 3 { return startRound() }
      isDone = true
      world.clientEnded()
      return
    }
    repairSometimes()
    if type == "Journey", more < Self.mostMore, world.random.chance(0.2) { sendMore() }
    for parked in world.store.parkedActivities.filter({ world.store.runs[$0.runID]?.key == key }).sorted(by: { $0.sequence < $1.sequence })
    {
      command(parked.sequence)
    }
    world.after(world.random.draw(20_000...400_000)) { [self] in watch() }
  }

  /// A rival's run may wait for messages that went to the other one.
  private func sendMore() {
    more += 1
    let signal = SignaledAttributes(
      name: "tick", input: Payload(json: Array("6".utf8)), identity: "client", requestID: "\(key.workflowID)/more/\(world.now)")
    post(.signal, IncomingEvent.signaled(signal).encoded())
  }

  func post(_ kind: InboxKind, _ attributes: [UInt8]) {
    let transaction = world.store.begin()
    _ = world.store.send(kind, attributes, to: key, in: transaction)
    world.store.commit(transaction)
    world.notifyOwners()
  }
}

extension World {
  /// An identifier of this moment, by this world's chance.
  func makeRunID() -> RunID {
    RunID(UUIDVersion7.make(unixMilliseconds: now / 1000, counter: UInt16(random.draw(0...4095)), random: (random.next(), random.next())))
  }
}
