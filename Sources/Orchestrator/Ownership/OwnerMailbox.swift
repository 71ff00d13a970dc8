import CProcess
import Glibc
import Synchronization

/// What reaches the owner's thread from other threads.
enum OwnerInput: Sendable {
  case message(OwnerMessage)
  /// For the open run of a workflow id, if the owner has it in memory.
  case send(WorkflowKey, OwnerMessage.Body, Reply)
  case take(slots: [Slot], lowWater: RunID)
  case release(slots: [Slot], deadline: Int64, whenReleased: @Sendable (RunID) -> Void)
  case escaped(RunID)
  case wakeInbox
}

/// A list that any thread fills and the owner's thread empties; one wake-up per burst.
final class OwnerMailbox: Sendable {
  private struct State {
    var inputs: [OwnerInput] = []
    /// The owner waits and must be woken.
    var isArmed = false
  }

  private let state = Mutex(State())
  /// Readable when something came while the owner waited.
  let wakeDescriptor: Int32

  init() throws {
    wakeDescriptor = process_event_descriptor()
    guard wakeDescriptor >= 0 else { throw OrchestratorError(.unavailable, "eventfd failed: \(String(cString: strerror(errno)))") }
  }

  deinit {
    close(wakeDescriptor)
  }

  func put(_ input: OwnerInput) {
    let mustWake = state.withLock { state in
      state.inputs.append(input)
      defer { state.isArmed = false }
      return state.isArmed
    }
    if mustWake { wake() }
  }

  var hasInputs: Bool { state.withLock { !$0.inputs.isEmpty } }

  func wake() {
    var one: UInt64 = 1
    _ = write(wakeDescriptor, &one, 8)
  }

  /// Takes everything into an empty list, whose memory is used for what comes next.
  func take(into inputs: inout [OwnerInput]) {
    state.withLock { swap(&$0.inputs, &inputs) }
  }

  /// From now on the next input wakes the owner; false when something came already.
  func arm() -> Bool {
    state.withLock { state in
      guard state.inputs.isEmpty else { return false }
      state.isArmed = true
      return true
    }
  }

  func clearWake() {
    var count: UInt64 = 0
    _ = read(wakeDescriptor, &count, 8)
  }
}
