import Foundation
import Orchestrator
import Synchronization

/// Whole clusters in one thread each, from one seed each: `--first N --seeds N` runs many, `--seed N --trace` one with all that happened. With
/// `--programs`, each carries out a random program; `--minutes N` ends after that time.
@main struct Simulator {
  static func main() throws {
    Log.setLevel(.none)
    let options = try SimulatorOptions(CommandLine.arguments.dropFirst())
    if let seed = options.seed {
      let outcome = Simulation(options.kind, sabotage: options.sabotage).run(seed: seed, isTracing: options.isTracing)
      for line in outcome.lines { print(line) }
      print(outcome.summary)
      exit(outcome.violations.isEmpty ? 0 : 1)
    }
    exit(SeedRange(options).run() ? 0 : 1)
  }
}

/// What the command line says.
struct SimulatorOptions {
  var first: UInt64 = 1
  var seeds: UInt64 = 1000
  var seed: UInt64?
  var isTracing = false
  var threads = max(1, ProcessInfo.processInfo.activeProcessorCount)
  var sabotage = Sabotage.none
  var kind = Simulation.Kind.mixture
  var minutes: Int?
  /// Prints the hash of every seed, to compare processes with each other.
  var printsHashes = false

  init(_ arguments: some Sequence<String>) throws {
    var iterator = arguments.makeIterator()
    while let name = iterator.next() {
      switch name {
      case "--trace": isTracing = true
      case "--hashes": printsHashes = true
      case "--programs": kind = .program
      case "--minutes":
        minutes = Int(try Self.number(iterator.next(), name))
        seeds = .max / 2
      case "--first": first = try Self.number(iterator.next(), name)
      case "--seeds": seeds = try Self.number(iterator.next(), name)
      case "--seed": seed = try Self.number(iterator.next(), name)
      case "--threads": threads = max(1, Int(try Self.number(iterator.next(), name)))
      case "--broken":
        guard let value = iterator.next().flatMap(Sabotage.init(rawValue:)) else { throw BadArgument(name: name) }
        sabotage = value
      default: throw BadArgument(name: name)
      }
    }
  }

  private static func number(_ text: String?, _ name: String) throws -> UInt64 {
    guard let value = text.flatMap({ UInt64($0) }) else { throw BadArgument(name: name) }
    return value
  }
}

struct BadArgument: Error, CustomStringConvertible {
  let name: String
  var description: String {
    "\(name): use [--first N] [--seeds N | --minutes N] [--threads N] [--hashes] or --seed N [--trace]; both take --programs, --broken KIND"
  }
}
