import Foundation
import Orchestrator

/// A parameter of a job that cannot be taken, in words for whoever asked.
public struct JobParameterError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Of `parameters`; nil for all of them.
  public let name: String?
  /// What it must be, to stand behind its name.
  public let reason: String

  public var description: String { (name.map { "the parameter \"\($0)\" " } ?? "the parameters ") + reason }
}

/// Reads what came with a request for a job, each value within its bounds; what nobody asked for is refused.
struct JobParameters {
  private let members: [String: JSONValue]
  private var known: [String] = []

  /// - Parameter payload: nil for none.
  init(_ payload: Payload?) throws(JobParameterError) {
    guard let payload else {
      members = [:]
      return
    }
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(payload.bytes)), case .object(let members) = value else {
      throw JobParameterError(name: nil, reason: "must be a JSON object")
    }
    self.members = members
  }

  mutating func number(_ name: String, in range: ClosedRange<Double>, default standard: Double) throws(JobParameterError) -> Double {
    known.append(name)
    guard let value = members[name] else { return standard }
    guard case .number(let number) = value, range.contains(number) else {
      throw JobParameterError(name: name, reason: "must be a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(JobParameterError) -> Int? {
    known.append(name)
    guard let value = members[name] else { return nil }
    guard case .number(let number) = value, let integer = Int(exactly: number), range.contains(integer) else {
      throw JobParameterError(name: name, reason: "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, default standard: Choice?
  ) throws(JobParameterError) -> Choice {
    known.append(name)
    let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    switch members[name] {
    case nil:
      if let standard { return standard }
    case .string(let text)?:
      if let choice = Choice(rawValue: text) { return choice }
    default: break
    }
    throw JobParameterError(name: name, reason: "must be one of \(names)")
  }

  /// - Throws: for a parameter that nobody asked for.
  func finish() throws(JobParameterError) {
    guard let unknown = members.keys.sorted().first(where: { !known.contains($0) }) else { return }
    throw JobParameterError(name: String(unknown.prefix(100)), reason: "is not known here; known are \(known.joined(separator: ", "))")
  }
}
