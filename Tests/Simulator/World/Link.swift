/// A connection to the database: requests arrive, are carried out and are answered in order, until it is cut.
final class Link {
  // Proof: see `Machine.world`; links live in events and processes of their world.
  private unowned(unsafe) let world: World
  private var lastArrival: Int64 = 0
  private var lastAnswer: Int64 = 0
  private(set) var isCut = false
  /// Nothing that was sent and has not arrived will arrive any more.
  private var isDead = false

  init(_ world: World) {
    self.world = world
  }

  /// - Parameters:
  ///   - carryOut: what the server does when the request arrives.
  ///   - answer: what the client does when the answer arrives.
  func ask<Answer>(_ carryOut: @escaping () -> Answer, _ answer: @escaping (Answer) -> Void) {
    guard !isCut else { return }
    lastArrival = max(lastArrival, world.now + world.latency())
    world.at(lastArrival) {
      guard !self.isDead else { return }
      let result = carryOut()
      self.lastAnswer = max(self.lastAnswer, self.world.now + self.world.latency())
      self.world.at(self.lastAnswer) {
        guard !self.isCut else { return }
        answer(result)
      }
    }
  }

  /// The client gives it up, or is gone. What is on its way arrives all the same, or it does not.
  func cut() {
    guard !isCut else { return }
    isCut = true
    isDead = !world.fault(.lateArrival)
  }

  /// The server ended the session: nothing more is carried out.
  func end() {
    isDead = true
  }
}
