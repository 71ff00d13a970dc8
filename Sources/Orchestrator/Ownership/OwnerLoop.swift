import CProcess
import Glibc
import PostgreSQL
import Synchronization

/// The thread that drives a `SlotOwner`: it polls the mailbox and the database's sockets, and does everything else in between.
final class OwnerLoop: @unchecked Sendable {
  // Safe to share: `owner`, `store` and the queues below belong to the thread in `run`; when that thread is given up (`ActivationWatch`), it
  // never returns here, so its successor is alone. Everything other threads use is locked.
  let mailbox: OwnerMailbox
  private let owner: SlotOwner
  private let store: PostgresStore
  private let watch: ActivationWatch
  private let isStopping = Atomic<Bool>(false)
  private let owned = Mutex<Set<Slot>>([])
  private var inputs: [OwnerInput] = []
  private var answers: [StoreAnswer] = []
  private var publishedChanges = 0
  private let finished = DispatchGate()

  init(owner: SlotOwner, store: PostgresStore, mailbox: OwnerMailbox, watch: ActivationWatch) {
    self.owner = owner
    self.store = store
    self.mailbox = mailbox
    self.watch = watch
    owner.monitor = watch
  }

  /// Whether a message for this slot can go straight to the owner.
  func owns(_ slot: Slot) -> Bool { owned.withLock { $0.contains(slot) } }

  var ownsAny: Bool { owned.withLock { !$0.isEmpty } }

  func start() {
    startThread(named: "slot-owner") { self.run() }
  }

  /// Ends the thread; messages that are not durable yet are refused.
  func stop() {
    isStopping.store(true, ordering: .releasing)
    mailbox.wake()
    // Code that blocks its thread does not keep the process from ending.
    while !finished.wait(milliseconds: 50) { replaceBlockedThread() }
  }

  /// Replaces the thread when workflow code does not come back; the run is blocked with the reason.
  func replaceBlockedThread() {
    guard let (runID, lastCommand) = watch.giveUpBlocked(after: Limits.blockedCode) else { return }
    Log.error("blocked-code", "workflow code does not return; its thread is given up", ["run_id": runID.description])
    startThread(named: "slot-owner") {
      self.watch.adoptThread()
      self.owner.abandoned(runID, lastCommand: lastCommand)
      self.run()
    }
  }

  /// The main loop.
  private func run() {
    watch.adoptThread()
    while !isStopping.load(ordering: .acquiring) {
      takeInputs()
      takeAnswers()
      let dueAt = owner.tick(isIdle: inputs.isEmpty)
      publishSlots()
      let isIdle = !mailbox.hasInputs
      owner.send(isIdle: isIdle)
      wait(until: isIdle ? dueAt : 0)
    }
    owner.shutDown()
    mailbox.close()
    finished.open()
  }

  private func takeInputs() {
    mailbox.take(into: &inputs)
    // One by one from a list that outlives this thread: should it be given up, its successor goes on with the rest.
    var index = 0
    while index < inputs.count {
      let input = inputs[index]
      inputs[index] = .wakeInbox
      index += 1
      owner.take(input)
    }
    inputs.removeAll(keepingCapacity: true)
  }

  private func takeAnswers() {
    answers = store.takeAnswers()
    while !answers.isEmpty { owner.handle(answers.removeFirst()) }
  }

  private func publishSlots() {
    guard owner.slotChanges != publishedChanges else { return }
    publishedChanges = owner.slotChanges
    let slots = owner.slots
    owned.withLock { $0 = slots }
  }

  private func wait(until dueAt: Int64) {
    let sockets = store.sockets
    var descriptors = [pollfd(fd: mailbox.wakeDescriptor, events: Int16(POLLIN), revents: 0)]
    for socket in sockets {
      descriptors.append(pollfd(fd: socket.descriptor, events: Int16(POLLIN) | (socket.wantsWrite ? Int16(POLLOUT) : 0), revents: 0))
    }
    var timeout: Int32 = 0
    if dueAt > 0, mailbox.arm() {
      let microseconds = max(0, dueAt - owner.clock())
      timeout = Int32(min((microseconds + 999) / 1000, sockets.isEmpty ? 50 : 1000))
    }
    poll(&descriptors, nfds_t(descriptors.count), timeout)
    if descriptors[0].revents != 0 { mailbox.clearWake() }
    store.isReadable = descriptors.dropFirst().contains { $0.revents != 0 }
  }
}

/// Starts a thread that is not one of Swift's pool: it may block.
public func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
  let box = Unmanaged.passRetained(ThreadBody(name: name, body: body))
  var thread = pthread_t()
  let status = pthread_create(&thread, nil, runThread, box.toOpaque())
  precondition(status == 0, "no thread could be started: \(String(cString: strerror(status)))")
  pthread_detach(thread)
}

func sleepThread(_ duration: Duration) {
  usleep(UInt32(clamping: duration.microseconds))
}

private final class ThreadBody: Sendable {
  let name: String
  let body: @Sendable () -> Void

  init(name: String, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.body = body
  }
}

private func runThread(_ raw: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let raw else { return nil }
  let box = Unmanaged<ThreadBody>.fromOpaque(raw).takeRetainedValue()
  process_name_thread(String(box.name.prefix(15)))
  box.body()
  return nil
}
