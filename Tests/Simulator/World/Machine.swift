/// A process on some machine: it can be killed, frozen and started again; what it planned dies with it.
class Machine: @unchecked Sendable {
  // Safe to share: like everything of a world, it is used by one thread.
  // Proof: the world owns its machines, clients and events, everything of it is touched by its events only, and those run inside `World.run`.
  unowned(unsafe) let world: World
  let index: Int
  private(set) var isRunning = false
  private(set) var generation = 0
  private var thawAt: Int64 = 0
  /// What waits for the end of a freeze.
  private var postponed: [() -> Void] = []
  /// Microseconds that its monotonic clock missed while the machine was suspended.
  private(set) var lag: Int64 = 0
  /// What it will have missed when it goes on.
  private var missed: Int64 = 0

  init(_ world: World, _ index: Int) {
    self.world = world
    self.index = index
  }

  // What the kinds of processes do.
  func booted() {}
  /// The process is gone; its memory is forgotten.
  func died() {}

  func boot() {
    isRunning = true
    generation += 1
    thawAt = 0
    postponed = []
    lag = 0
    missed = 0
    world.note(.boot, index, Int64(generation))
    booted()
  }

  /// Whether the process still lives when it touches the world: here it may be killed.
  func lives() -> Bool {
    if isRunning, world.fault(.crash) { kill() }
    return isRunning
  }

  func kill() {
    guard isRunning else { return }
    world.note(.crash, index, Int64(generation))
    end()
  }

  /// Ends the process; another one is started some time later.
  func end() {
    isRunning = false
    generation += 1
    died()
    world.after(world.isPeaceful ? 1000 : world.random.draw(1000...1_500_000)) { [self] in
      if !isRunning { boot() }
    }
  }

  func freezeSometimes() {
    guard world.fault(.freeze), thawAt <= world.now else { return }
    let time: Int64 = world.random.chance(0.5) ? world.random.draw(1000...200_000) : world.random.draw(200_000...5_000_000)
    thawAt = world.now + time
    if world.fault(.suspendedClock) { missed += time }
    world.note(.freeze, index, time)
  }

  /// It will go on, and do what it had begun.
  var isFrozen: Bool { isRunning && thawAt > world.now }

  /// Something this process does later, if it still is this process then; while it is frozen, nothing happens.
  func after(_ delay: Int64, _ body: @escaping () -> Void) {
    let generation = generation
    world.after(delay) { [self] in resume(generation, body) }
  }

  private func resume(_ expected: Int, _ body: @escaping () -> Void) {
    guard isRunning, generation == expected else { return }
    guard thawAt > world.now else {
      lag += missed
      missed = 0
      return body()
    }
    postponed.append(body)
    if postponed.count == 1 { world.at(thawAt) { [self] in thaw(expected) } }
  }

  private func thaw(_ expected: Int) {
    guard generation == expected else { return }
    let bodies = postponed
    postponed = []
    for body in bodies { resume(expected, body) }
  }
}
