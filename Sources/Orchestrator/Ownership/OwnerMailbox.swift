import CProcess
import Glibc
import Synchronization

/// A list that any thread fills and the owner's thread empties; one wake-up per burst.
final class OwnerMailbox: Sendable {
  private struct State {
    var inputs: [OwnerInput] = []
    /// The owner waits and must be woken.
    var isArmed = false
    /// Nobody takes anything any more.
    var isClosed = false
  }

  private let state = Mutex(State())
  /// Readable when something came while the owner waited.
  let wakeDescriptor: Int32

  init() throws {
    wakeDescriptor = process_event_descriptor()
    guard wakeDescriptor >= 0 else { throw OrchestratorError(.unavailable, "eventfd failed: \(String(cString: strerror(errno)))") }
  }

  deinit {
    Glibc.close(wakeDescriptor)
  }

  /// Whoever waits for an answer gets one: also when nobody takes the input any more.
  func put(_ input: OwnerInput) {
    let (isClosed, mustWake) = state.withLock { state in
      guard !state.isClosed else { return (true, false) }
      state.inputs.append(input)
      defer { state.isArmed = false }
      return (false, state.isArmed)
    }
    if isClosed { input.refuse() }
    if mustWake { wake() }
  }

  /// Refuses what is in it and everything that still comes.
  func close() {
    let inputs = state.withLock { state in
      state.isClosed = true
      defer { state.inputs = [] }
      return state.inputs
    }
    for input in inputs { input.refuse() }
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
