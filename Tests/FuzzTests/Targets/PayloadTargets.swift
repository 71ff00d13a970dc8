import Activities
import Cryptography
import Foundation
import Workflows

@testable import HTTP
@testable import Orchestrator

/// JSON by the fast way against JSON by Foundation, and the grammar that payloads from outside must keep.
enum PayloadTargets {
  static let all = [
    FuzzTarget(name: "payload-decoding", check: decoding),
    FuzzTarget(name: "payload-encoding", check: encoding),
    FuzzTarget(name: "json-grammar", check: grammar),
    FuzzTarget(name: "identifiers", check: identifiers),
    FuzzTarget(name: "payload-envelope", check: envelope),
  ]

  /// Whatever stands in the database as a codec's work, reading it ends with a value of bounded size or an error of ours.
  @Sendable private static func envelope(_ input: [UInt8]) throws {
    let ring = try KeyRing(active: "a", keys: ["a": [UInt8](repeating: 7, count: 32)])
    let chain = CodecChain([CompressionCodec(), EncryptionCodec(ring)])
    let key = WorkflowKey(namespace: "default", workflowID: "fuzz")
    let value = try taken(unless: CodecError.self) { try chain.decode(Payload(json: input), key) }
    try must((value?.bytes.count ?? 0) <= max(input.count, Limits.payloadBytes), "a value is never larger than the limit")
    guard JSONGrammar.accepts(input), !PayloadEnvelope.isOne(Payload(json: input)) else { return }
    let stored = try chain.encode(Payload(json: input), key)
    try must(try chain.decode(stored, key).bytes == input, "what was encoded is decoded")
  }

  /// One of everything that payloads are made of.
  private struct Sample: Codable, Equatable {
    enum Kind: String, Codable { case plain, other }
    var flag: Bool?
    var small: Int8?
    var count: Int?
    var wide: UInt64?
    var ratio: Double?
    var single: Float?
    var text: String?
    var kind: Kind?
    var list: [Sample]?
    var table: [String: Int]?
  }

  @Sendable private static func decoding(_ bytes: [UInt8]) throws {
    let types: [any (Codable & Equatable).Type] = [
      Sample.self, [Sample].self, [Int].self, [Double].self, [Float].self, [String: Double].self, [String?].self, [[Bool]].self,
      String.self,
      Int.self, UInt8.self, Double.self, Float.self, Bool.self, Int?.self, Failure.self, ActivityOptions.self,
    ]
    for type in types { try compare(type, bytes) }
  }

  /// The fast way may leave a text to Foundation; what it takes, Foundation takes and reads the same.
  private static func compare<Value: Codable & Equatable>(_ type: Value.Type, _ bytes: [UInt8]) throws {
    guard let fast = FastPayloadDecoder.decode(type, from: bytes) else { return }
    let slow: Value
    do { slow = try JSONDecoder().decode(type, from: Data(bytes)) } catch {
      throw BrokenProperty(description: "taken as \(type), which Foundation refuses: \(error)")
    }
    try must(fast == slow && (try foundation([fast])) == (try foundation([slow])), "\(type) is \(fast), Foundation reads \(slow)")
  }

  private static func foundation(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(value))
  }

  @Sendable private static func encoding(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let value = sample(&input, depth: 0)
    if let fast = FastPayloadEncoder.encode(value) {
      try must(fast == foundation(value), "written as \(String(decoding: fast, as: UTF8.self)), not as Foundation does")
    }
    guard let payload = try taken(unless: PayloadError.self, { try PayloadCodec.encode(value) }) else { return }
    try must(JSONGrammar.accepts(payload.bytes), "what is encoded keeps the grammar")
    try must(try PayloadCodec.decode(Sample.self, from: payload) == value, "what is encoded decodes to the same value")
  }

  private static func sample(_ input: inout FuzzInput, depth: Int) -> Sample {
    let fields = input.byte()
    var sample = Sample()
    if fields & 1 != 0 { sample.flag = input.byte() & 1 == 0 }
    if fields & 2 != 0 { sample.small = input.integer() }
    if fields & 4 != 0 { sample.count = input.integer() }
    if fields & 8 != 0 { sample.wide = input.integer() }
    if fields & 16 != 0 { sample.ratio = Double(bitPattern: input.integer()) }
    if fields & 32 != 0 { sample.single = Float(bitPattern: input.integer()) }
    if fields & 64 != 0 { sample.text = input.text() }
    guard fields & 128 != 0 else { return sample }
    sample.table = Dictionary((0..<input.byte() % 5).map { _ in (input.text(), input.integer()) }) { _, last in last }
    if depth < 3 { sample.list = (0..<input.byte() % 3).map { _ in Self.sample(&input, depth: depth + 1) } }
    return sample
  }

  @Sendable private static func grammar(_ bytes: [UInt8]) throws {
    let isAccepted = JSONGrammar.accepts(bytes)
    let payload = try taken(unless: PayloadError.self) { try Payload(checking: bytes) }
    try must(isAccepted == (payload != nil), "payloads from outside are what the grammar takes")
    let isFramed = try taken(unless: HTTPError.self) { try JSONLimits(depth: Limits.payloadDepth).check(bytes) } != nil
    if isAccepted {
      try must(isFramed, "what the grammar takes has a frame")
      // PostgreSQL's numeric holds larger exponents than Foundation's numbers.
      let mayBeLarge = bytes.contains(UInt8(ascii: "e")) || bytes.contains(UInt8(ascii: "E"))
      if !mayBeLarge { _ = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed) }
      try must(!String(decoding: bytes, as: UTF8.self).contains("\u{0}"), "no text holds U+0000")
    }
    // Foundation needs seconds for hundreds of levels; what comes over HTTP has at most 32.
    guard bytes.count(where: { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }) <= 64 else { return }
    guard let document = try taken(unless: DecodingError.self, { try JSONDecoder().decode(Payload.self, from: Data(bytes)) }) else {
      return
    }
    try must(JSONGrammar.accepts(document.bytes), "a payload taken from a document keeps the grammar")
    try must(try JSONDecoder().decode(Payload.self, from: Data(document.bytes)) == document, "and is the same when taken again")
  }

  @Sendable private static func identifiers(_ bytes: [UInt8]) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    if let run = RunID(text) { try must(run.description == text.lowercased(), "a run id is the text it was read from") }
    if let track = TrackID(text) { try must(track.description == text.lowercased(), "a track id is the text it was read from") }
    if let key = try taken(unless: ObjectStoreError.self, { try ObjectKey(text) }) {
      let parts = key.text.split(separator: "/", omittingEmptySubsequences: false)
      try must(key.text == text && parts.allSatisfy { !$0.isEmpty && $0.first != "." }, "an object key stays inside its store")
    }
    if let decoded = Base64URL.decode(text) { try must(Base64URL.encode(decoded) == text, "each byte string has one text") }
    try must(Base64URL.decode(Base64URL.encode(bytes)) == bytes, "what is encoded decodes to the same bytes")
    if let type = try taken(unless: MediaError.self, { try MediaType(declared: text) }) {
      try must(try MediaType(declared: type.rawValue) == type, "a media type's own name names it")
    }
    let key = WorkflowKey(workflowID: text)
    try must((0..<Slot.count).contains(Int(key.slot.number)), "every workflow id has a slot")
  }
}
