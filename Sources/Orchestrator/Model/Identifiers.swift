import Cryptography
import Foundation
import Synchronization

/// Names one execution of a workflow: a UUID version 7 (RFC 9562), so that new histories are inserted at the right edge of their index.
public struct RunID: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
  public let uuid: UUID

  public init(_ uuid: UUID) {
    self.uuid = uuid
  }

  /// Parses the canonical text form; nil for anything else.
  public init?(_ text: String) {
    // Foundation also takes spaces among the digits.
    guard let uuid = UUID(uuidString: text), uuid.uuidString == text.uppercased() else { return nil }
    self.uuid = uuid
  }

  static let smallest = RunID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
  static let largest = RunID(UUID(uuid: (255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255)))

  /// A fresh identifier of this moment; later ones of this process are larger (RFC 9562 section 6.2, method 1: a counter behind the time).
  public static func generate() -> RunID {
    let now = Int64(Date().timeIntervalSince1970 * 1000)
    let (milliseconds, count) = last.withLock { $0.next(at: now) }
    return RunID(UUIDVersion7.make(unixMilliseconds: milliseconds, counter: count, random: randomBits()))
  }

  /// A fresh identifier of the given Unix time in milliseconds.
  static func generate(unixMilliseconds: Int64) -> RunID {
    let (count, _) = randomBits()
    return RunID(UUIDVersion7.make(unixMilliseconds: unixMilliseconds, counter: UInt16(count & 0xFFF), random: randomBits()))
  }

  /// An identifier of this time that is larger than another: the run that follows sorts behind, however quickly it does.
  static func following(_ earlier: RunID, unixMilliseconds: Int64, random: (UInt64, UInt64)) -> RunID {
    var moment = UUIDVersion7.Moment(milliseconds: Int64(earlier.words.high >> 16), count: UInt16(earlier.words.high & 0xFFF))
    let (milliseconds, count) = moment.next(at: unixMilliseconds)
    return RunID(UUIDVersion7.make(unixMilliseconds: milliseconds, counter: count, random: random))
  }

  private static let last = Mutex(UUIDVersion7.Moment())

  private static func randomBits() -> (UInt64, UInt64) {
    // Callers draw identifiers; replays read them back from the history.
    var generator = SystemRandomNumberGenerator()
    return (generator.next(), generator.next())
  }

  public var description: String { uuid.uuidString.lowercased() }

  /// The order of the bytes, which is PostgreSQL's order of uuid and the order of time.
  public static func < (left: RunID, right: RunID) -> Bool {
    let (a, b) = (left.words, right.words)
    return a.high == b.high ? a.low < b.low : a.high < b.high
  }

  public static func == (left: RunID, right: RunID) -> Bool { left.words == right.words }

  /// The random half only: it tells identifiers apart as well as the whole, at half the price.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(words.low)
  }

  private var words: (high: UInt64, low: UInt64) {
    withUnsafeBytes(of: uuid.uuid) { bytes in
      (
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let id = RunID(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "a run id is a UUID in its canonical form")
    }
    self = id
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

enum UUIDVersion7 {
  /// The last time used, with the 12 bits that count within it.
  struct Moment {
    private var milliseconds: Int64
    private var count: UInt16

    init(milliseconds: Int64 = 0, count: UInt16 = 0) {
      self.milliseconds = milliseconds
      self.count = count
    }

    /// A full counter borrows from the next millisecond; a clock that steps back is waited for by counting on.
    mutating func next(at now: Int64) -> (milliseconds: Int64, count: UInt16) {
      if now > milliseconds {
        (milliseconds, count) = (now, 0)
      } else if count < 4095 {
        count += 1
      } else {
        (milliseconds, count) = (milliseconds + 1, 0)
      }
      return (milliseconds, count)
    }
  }

  static func make(unixMilliseconds: Int64, counter: UInt16, random: (a: UInt64, b: UInt64)) -> UUID {
    let time = UInt64(bitPattern: unixMilliseconds)
    let count = UInt64(counter)
    let (a, b) = random
    func byte(_ value: UInt64, _ shift: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: value >> shift) }
    return UUID(
      uuid: (
        byte(time, 40), byte(time, 32), byte(time, 24), byte(time, 16), byte(time, 8), byte(time, 0),
        0x70 | (byte(count, 8) & 0x0F), byte(count, 0), 0x80 | (byte(a, 16) & 0x3F), byte(a, 24),
        byte(b, 0), byte(b, 8), byte(b, 16), byte(b, 24), byte(b, 32), byte(b, 40)
      ))
  }
}

/// The unit of ownership: every workflow id belongs to one of 256 slots, and a slot has one owner process at a time.
public struct Slot: Hashable, Sendable, Comparable, CustomStringConvertible {
  public static let count = 256
  /// 0 to 255.
  public let number: Int16

  public init(_ number: Int16) {
    precondition(0 <= number && number < Slot.count, "a slot is 0 to 255")
    self.number = number
  }

  /// The first byte of SHA-256("namespace/workflow id"): SQL's `orchestrator.slot_of` and any other language compute the same.
  public static func of(namespace: String, workflowID: String) -> Slot {
    Slot(Int16(Digest.sha256(Array("\(namespace)/\(workflowID)".utf8))[0]))
  }

  public static func < (left: Slot, right: Slot) -> Bool { left.number < right.number }
  public var description: String { String(number) }
}

/// A workflow id inside its namespace: what a person or another system calls the execution.
public struct WorkflowKey: Hashable, Sendable {
  public let namespace: String
  public let workflowID: String

  public init(namespace: String = "default", workflowID: String) {
    self.namespace = namespace
    self.workflowID = workflowID
  }

  public var slot: Slot { Slot.of(namespace: namespace, workflowID: workflowID) }
}
