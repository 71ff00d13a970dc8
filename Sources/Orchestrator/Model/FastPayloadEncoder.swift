import Foundation

/// Encodes what most payloads are made of (objects, arrays, texts, numbers) several times faster than `JSONEncoder`, to the same bytes.
/// Whatever it is not sure of it leaves to `JSONEncoder`: the result is nil then.
struct FastPayloadEncoder {
  /// The value as JSON with sorted keys; nil when `JSONEncoder` must do it, or must say why it cannot be done.
  static func encode<Value: Encodable>(_ value: Value) -> [UInt8]? {
    guard !isSpecial(Value.self) else { return nil }
    let output = PayloadOutput()
    do {
      try output.encode(value)
      return output.text.finish()
    } catch {
      return nil
    }
  }

  /// Types that `JSONEncoder` and `JSONDecoder` treat in their own way, and payloads inside of documents, whose numbers need them.
  static func isSpecial(_ type: Any.Type) -> Bool {
    type == Data.self || type == URL.self || type == Decimal.self || type == Payload.self
  }
}

/// Not an error of the value: the fast way does not know how.
struct FastPathUnavailable: Error {}

/// The text that the containers of one encoding share.
final class PayloadOutput {
  // Unchecked: its methods take finished values and never run the code of the type that is encoded, so no two accesses overlap.
  @exclusivity(unchecked) var text = PayloadText()

  /// Appends any value; one that encodes nothing is an empty object, as `JSONEncoder` has it.
  func encode<Value: Encodable>(_ value: Value) throws {
    guard !FastPayloadEncoder.isSpecial(Value.self) else { return text.giveUp() }
    let encoder = ValueEncoder(output: self, start: text.count, depth: text.depth)
    do {
      try value.encode(to: encoder)
    } catch {
      // A type may swallow this and encode something else instead of what was begun.
      text.giveUp()
      throw error
    }
    text.endValue(start: encoder.start, depth: encoder.depth)
  }
}

/// A value without parts.
enum PayloadScalar {
  case null
  case bool(Bool)
  case signed(Int64)
  case unsigned(UInt64)
  case double(Double)
  case float(Float)
  case string(String)
}

/// JSON that grows at its end. An object's fields are put in order when it ends; the containers that are open form a stack.
struct PayloadText {
  enum Kind {
    case object, array
  }

  /// A container in the stack; with another identifier at its depth it is closed.
  struct Place {
    let depth: Int
    let identifier: Int
  }

  private struct Frame {
    let kind: Kind
    let identifier: Int
    /// Where its bracket stands.
    let start: Int
    let firstField: Int
    var count = 0
  }

  /// Where a field begins, and where its name ends; it ends where the next begins.
  private struct Field {
    let start: Int
    let nameEnd: Int
  }

  private var bytes: [UInt8] = []
  private var fields: [Field] = []
  private var frames: [Frame] = []
  private var lastIdentifier = 0
  private var isGivenUp = false

  init() {
    bytes.reserveCapacity(192)
    fields.reserveCapacity(8)
  }

  var count: Int { bytes.count }
  var depth: Int { frames.count }

  /// From here on the result does not count.
  mutating func giveUp() {
    isGivenUp = true
  }

  /// The text; nil when `JSONEncoder` must write it.
  func finish() -> [UInt8]? { isGivenUp ? nil : bytes }

  /// Opens an object or array for a value that begins here, or gives back the one that the value opened before.
  mutating func open(_ kind: Kind, start: Int, depth: Int) -> Place {
    if depth < frames.count, frames[depth].start == start, frames[depth].kind == kind {
      return Place(depth: depth, identifier: frames[depth].identifier)
    }
    if bytes.count != start || frames.count != depth { giveUp() }
    lastIdentifier += 1
    frames.append(Frame(kind: kind, identifier: lastIdentifier, start: bytes.count, firstField: fields.count))
    bytes.append(kind == .object ? UInt8(ascii: "{") : UInt8(ascii: "["))
    return Place(depth: frames.count - 1, identifier: lastIdentifier)
  }

  /// Opens one that is itself a field or element of an open container, and ends with the next one of that.
  mutating func open(_ kind: Kind) -> Place { open(kind, start: bytes.count, depth: frames.count) }

  /// Begins a field; its value comes next.
  mutating func beginField(_ name: String, in place: Place) {
    begin(in: place)
    let start = bytes.count
    append(name, isName: true)
    fields.append(Field(start: start, nameEnd: bytes.count))
    bytes.append(UInt8(ascii: ":"))
  }

  mutating func putField(_ name: String, _ value: PayloadScalar, in place: Place) {
    beginField(name, in: place)
    append(value)
  }

  /// Begins an element; its value comes next.
  mutating func beginElement(in place: Place) { begin(in: place) }

  mutating func putElement(_ value: PayloadScalar, in place: Place) {
    begin(in: place)
    append(value)
  }

  func elements(in place: Place) -> Int { isOpen(place) ? frames[place.depth].count : 0 }

  /// A value ended: whatever it left open is closed.
  mutating func endValue(start: Int, depth: Int) {
    while frames.count > depth { close() }
    if bytes.count == start { Self.append("{}", to: &bytes) }
  }

  /// A value that consists of this scalar.
  mutating func append(_ scalar: PayloadScalar, start: Int) {
    if bytes.count != start { giveUp() }
    append(scalar)
  }

  mutating func append(_ scalar: PayloadScalar) {
    switch scalar {
    case .null: Self.append("null", to: &bytes)
    case .bool(let value): Self.append(value ? "true" : "false", to: &bytes)
    case .signed(let value):
      if value < 0 { bytes.append(UInt8(ascii: "-")) }
      DecimalDigits.append(value.magnitude, to: &bytes)
    case .unsigned(let value): DecimalDigits.append(value, to: &bytes)
    case .double(let value): append(value.description, isFinite: value.isFinite)
    case .float(let value): append(value.description, isFinite: value.isFinite)
    case .string(let text): append(text, isName: false)
    }
  }
}

extension PayloadText {
  private func isOpen(_ place: Place) -> Bool {
    place.depth < frames.count && frames[place.depth].identifier == place.identifier
  }

  private mutating func begin(in place: Place) {
    guard isOpen(place) else { return giveUp() }
    while frames.count > place.depth + 1 { close() }
    if frames[place.depth].count > 0 { bytes.append(UInt8(ascii: ",")) }
    frames[place.depth].count += 1
  }

  private mutating func close() {
    let frame = frames.removeLast()
    if frame.kind == .array {
      bytes.append(UInt8(ascii: "]"))
      return
    }
    if !isInOrder(from: frame.firstField) { sortFields(of: frame) }
    bytes.append(UInt8(ascii: "}"))
    fields.removeLast(fields.count - frame.firstField)
  }

  /// Also true when a name stands twice, which ends the fast way.
  private mutating func isInOrder(from first: Int) -> Bool {
    var index = first + 1
    while index < fields.count {
      let order = compare(fields[index - 1], fields[index])
      if order == 0 { giveUp() }
      if order > 0 { return false }
      index += 1
    }
    return true
  }

  /// Names are ASCII: the order of their bytes is the order of texts.
  private func compare(_ left: Field, _ right: Field) -> Int {
    let (a, b) = (left.nameEnd - left.start, right.nameEnd - right.start)
    for offset in 0..<min(a, b) {
      let difference = Int(bytes[left.start + offset]) - Int(bytes[right.start + offset])
      if difference != 0 { return difference }
    }
    return a - b
  }

  private mutating func sortFields(of frame: Frame) {
    let first = frame.firstField
    let ends = fields[(first + 1)...].map { $0.start - 1 } + [bytes.count]
    let order = fields.indices[first...].sorted { compare(fields[$0], fields[$1]) < 0 }
    var sorted: [UInt8] = []
    sorted.reserveCapacity(bytes.count - frame.start)
    for (position, index) in order.enumerated() {
      if position > 0 {
        if compare(fields[order[position - 1]], fields[index]) == 0 { giveUp() }
        sorted.append(UInt8(ascii: ","))
      }
      sorted.append(contentsOf: bytes[fields[index].start..<ends[index - first]])
    }
    bytes.replaceSubrange((frame.start + 1)..., with: sorted)
  }

  /// A text without anything to escape is the rule.
  private mutating func append(_ text: String, isName: Bool) {
    var text = text
    let isPlain = text.withUTF8 { characters in
      var found: UInt8 = 0
      for byte in characters {
        found |= (byte < 0x20 ? 1 : 0) | (byte == UInt8(ascii: "\"") ? 1 : 0) | (byte == UInt8(ascii: "\\") ? 1 : 0) | (byte & 0x80)
      }
      bytes.append(UInt8(ascii: "\""))
      bytes.append(contentsOf: characters)
      bytes.append(UInt8(ascii: "\""))
      return found & (isName ? 0x81 : 1) == 0
    }
    if !isPlain { giveUp() }
  }

  private mutating func append(_ number: String, isFinite: Bool) {
    guard isFinite else { return giveUp() }
    bytes.append(contentsOf: number.hasSuffix(".0") ? number.utf8.dropLast(2) : number.utf8[...])
  }

  private static func append(_ literal: StaticString, to bytes: inout [UInt8]) {
    literal.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }
}

/// Whole numbers as text, without a string between.
enum DecimalDigits {
  static func append(_ number: UInt64, to bytes: inout [UInt8]) {
    // UInt64.max has 20 digits.
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var first = digits.count
      var rest = number
      repeat {
        first -= 1
        digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0
      bytes.append(contentsOf: digits[first...])
    }
  }
}
