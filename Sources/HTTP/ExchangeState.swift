/// What one request and its response have come to: events in, a verdict for the server's thread out. Pure.
///
///     body of the request   event                          becomes
///     absent                head has been read             complete
///     withheld              reader asks                    flowing
///     withheld, flowing     response before the end        discarding (little is left) or lingering (much is left)
///     flowing, discarding   end of the body                complete
///     lingering             end, or too much               closed
struct ExchangeState {
  /// What the server's thread does next with the connection.
  enum Verdict: Equatable {
    case proceed, suspend, reply, abort
    /// Send the response now, past the library, which sends none before the body has ended; then close.
    case replyEarly
  }

  enum BodyPhase: Equatable { case absent, withheld, flowing, discarding, lingering, complete }

  /// A response that fits into one buffer may be sent early.
  enum Reply: Equatable {
    case none
    case ready(isBuffered: Bool)
    case taken
  }

  /// The rest of a body is read and dropped up to this many bytes, so that the connection can be kept.
  static let discardLimitBytes: UInt64 = 256 * 1024
  /// After an early response this much is still read: closing at once would make the client lose the response.
  static let lingerLimitBytes: UInt64 = 16 * 1024 * 1024

  private(set) var phase: BodyPhase = .complete
  private(set) var isClosed = false
  var reply: Reply = .none
  var upload: ByteBuffer
  var isBodyWanted = false
  private var expectsContinue = false
  private var declaredLength: UInt64?
  private var receivedBytes: UInt64 = 0
  private var droppedBytes: UInt64 = 0

  init(bufferBytes: Int) { upload = ByteBuffer(capacity: bufferBytes) }

  /// The head is known; `declaredLength` nil means chunks of unknown total.
  mutating func begin(hasBody: Bool, declaredLength: UInt64?, expectsContinue: Bool) {
    phase = hasBody ? .withheld : .absent
    self.declaredLength = declaredLength
    self.expectsContinue = expectsContinue
  }

  /// The connection is gone or given up: nothing is awaited any more.
  mutating func close() { isClosed = true }

  /// The library asks with no body bytes at hand: after the head, after a resume, or at the end of the body.
  mutating func advance() -> Verdict {
    if isClosed { return .abort }
    switch phase {
    case .absent:
      // The library closes a connection whose response comes at this first call: it takes it for a refused body.
      phase = .complete
      return .proceed
    case .withheld: return startBody()
    case .flowing, .discarding:
      phase = .complete
      return advance()
    case .lingering: return .abort
    case .complete:
      if case .ready = reply { return .reply }
      return .suspend
    }
  }

  private mutating func startBody() -> Verdict {
    if case .ready = reply { return expectsContinue ? .reply : dropRest() }
    guard isBodyWanted else { return .suspend }
    phase = .flowing
    return .proceed
  }

  /// Body bytes arrived; returns how many were consumed.
  mutating func receive(_ bytes: UnsafeRawBufferPointer) -> (verdict: Verdict, consumed: Int) {
    if isClosed { return (.abort, 0) }
    if phase == .flowing, reply == .none {
      let accepted = upload.append(bytes)
      receivedBytes += UInt64(accepted)
      return (accepted < bytes.count ? .suspend : .proceed, accepted)
    }
    let verdict = phase == .flowing ? dropRest() : .proceed
    droppedBytes += UInt64(bytes.count)
    return (droppedBytes > Self.lingerLimitBytes ? .abort : verdict, bytes.count)
  }

  private mutating func dropRest() -> Verdict {
    let rest = declaredLength.map { $0 - min($0, receivedBytes) } ?? .max
    if rest > Self.discardLimitBytes, reply == .ready(isBuffered: true) {
      phase = .lingering
      return .replyEarly
    }
    phase = .discarding
    return .proceed
  }
}
