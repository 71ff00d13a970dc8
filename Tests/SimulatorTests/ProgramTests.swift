import Orchestrator
import Testing

@testable import Simulator

/// Random programs on clusters under faults: what comes of each is what a plain interpreter foretold. A seed that fails here is replayed by
/// `make soak SEED=...`.
@Suite struct ProgramTests {
  init() { Log.setLevel(.none) }

  @Test("A thousand random programs end as a plain interpreter foretells, whatever happens around them")
  func fixedSeeds() async {
    await withTaskGroup(of: Void.self) { group in
      for part in 0..<4 {
        group.addTask {
          let simulation = Simulation(.program)
          for seed in stride(from: 1 + part, through: 1000, by: 4) {
            let outcome = simulation.run(seed: UInt64(seed))
            #expect(outcome.violations.isEmpty, "make soak SEED=\(seed): \(outcome.summary)")
          }
        }
      }
    }
  }

  @Test(
    "Seeds that once found something find nothing any more",
    arguments: [
      // A signal that came between a patch and the end that it did not stop: such a history did not replay.
      1775, 3831, 4744,
      // An owner that was cut off said of a run that had gone on as another that it was closed.
      6783,
      // A run that was terminated while the store's refusal kept its code out of memory left its timers behind.
      16112,
    ] as [UInt64])
  func foundBefore(_ seed: UInt64) {
    let outcome = Simulation(.program).run(seed: seed)
    #expect(outcome.violations.isEmpty, "make soak SEED=\(seed): \(outcome.summary)")
  }

  @Test("A broken engine is caught by programs", arguments: [Sabotage.noInboxCheck, .batchTwice, .lostFailure])
  func brokenVariants(_ sabotage: Sabotage) {
    let (broken, whole) = (Simulation(.program, sabotage: sabotage), Simulation(.program))
    let caught = (1...500).first { !broken.run(seed: $0).violations.isEmpty && whole.run(seed: $0).violations.isEmpty }
    #expect(caught != nil, "'\(sabotage)' was not caught: the programs are blind for it")
  }

  @Test("Together the programs do everything that a program can do")
  func coverage() {
    var kinds: Set<Substring> = []
    for seed in 1...200 {
      var generator = ProgramGenerator(seed: UInt64(seed))
      for line in generator.program().flatMap({ $0.lines() }) { kinds.insert(line.drop { $0 == " " }.prefix { $0 != " " && $0 != "," }) }
    }
    #expect(
      kinds == [
        "steps", "together", "activity", "inline", "timer", "hear", "confirm", "child", "scope", "deadline", "rescue", "patch", "never",
        "renew",
      ])
  }

  @Test("What is foretold needs no engine: the rules, one by one")
  func predictions() {
    func value(_ number: Int) -> Int { Arithmetic.value(of: number) }
    let failing = Action.activity(3, failures: Action.hopeless, isRemote: false)
    #expect(Prediction(.activity(1, failures: 2, isRemote: true)) == .value(value(1)))
    #expect(Prediction(.steps([.hear(1), failing, .never])) == .failure(10))
    #expect(Prediction(.together([.hear(1), failing, .inline(2)])) == .failure(10))
    #expect(Prediction(.together([failing, .never])) == .never)
    #expect(Prediction(.rescue(failing)) == .value(21))
    #expect(Prediction(.deadline(milliseconds: 1, .steps([.timer(milliseconds: 3), .never]))) == .failure(7))
    #expect(Prediction(.scope(.never, until: .hear(4))) == .value(value(4)))
    let child = Action.Child(number: 5, steps: [failing], policy: .terminate, isAwaited: true, heard: [])
    #expect(Prediction(.child(child)) == .failure(15))
    let chain = [value(1), 0, value(2)].reduce(0, Arithmetic.mix)
    #expect(Prediction(steps: [.hear(1), .renew, .hear(2)]) == .value(chain))
  }
}
