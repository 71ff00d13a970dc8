import Cryptography

/// What a history holds instead of a value that lies beside it: `{"metadata":{"encoding":"orchestrator/reference","sha256":"…","bytes":"70000"},"data":""}`.
struct LargeValueReference: Sendable, Equatable {
  static let encoding = "orchestrator/reference"

  let hash: [UInt8]
  let byteCount: Int

  init(to payload: Payload) {
    hash = Digest.sha256(payload.bytes)
    byteCount = payload.bytes.count
  }

  /// Nil for a value that is none.
  init?(_ payload: Payload) {
    guard let (_, metadata) = PayloadEnvelope.metadata(of: payload, encoding: Self.encoding), let text = metadata.text("sha256"),
      let hash = Self.bytes(text), let byteCount = metadata.text("bytes").flatMap({ Int($0) })
    else { return nil }
    self.hash = hash
    self.byteCount = byteCount
  }

  private static func bytes(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count == 64 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: 64, by: 2) {
      guard let byte = UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  var payload: Payload {
    let digits = hash.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    var metadata = AttributesWriter()
    metadata.field("encoding", Self.encoding)
    metadata.field("sha256", digits)
    metadata.field("bytes", String(byteCount))
    var reference = AttributesWriter()
    reference.field("metadata", Payload(json: metadata.finish()))
    reference.field("data", "")
    return Payload(json: reference.finish())
  }

  var summary: String { "beside the history (\(byteCount) bytes), where it is missing" }

  /// Whether bytes may hold one anywhere.
  static func mayStand(in bytes: [UInt8]) -> Bool { PayloadEnvelope.mayHold(marker, in: bytes) }

  private static let marker = Array(encoding.utf8)
}

/// Values by their hashes, as they were read for some events.
struct LargeValues: Sendable {
  var bytes: [[UInt8]: [UInt8]] = [:]

  /// The value that is meant; one that is missing stays a reference, and whoever decodes it says so.
  func resolve(_ payload: Payload) -> Payload {
    guard let reference = LargeValueReference(payload), let bytes = bytes[reference.hash] else { return payload }
    return Payload(json: bytes)
  }

  func resolve(attributes: [UInt8]) -> [UInt8] {
    guard LargeValueReference.mayStand(in: attributes) else { return attributes }
    let resolved = try? StoredAttributes.transformed(attributes, .init(value: { resolve($0) }, failure: { $0 }))
    return (resolved ?? nil) ?? attributes
  }

  /// The hashes that events name.
  static func hashes(in attributes: some Sequence<[UInt8]>) -> Set<[UInt8]> {
    var found: Set<[UInt8]> = []
    for bytes in attributes where LargeValueReference.mayStand(in: bytes) {
      _ = try? StoredAttributes.transformed(
        bytes,
        .init(
          value: {
            if let reference = LargeValueReference($0) { found.insert(reference.hash) }
            return $0
          }, failure: { $0 }))
    }
    return found
  }
}

extension LoadedRun {
  /// The run with its large values where they belong.
  var withLargeValues: LoadedRun {
    guard !largeValues.bytes.isEmpty else { return self }
    var run = self
    run.history = history.map { event in
      HistoryEvent(
        eventID: event.eventID, type: event.type, at: event.at, causedBy: event.causedBy,
        attributes: largeValues.resolve(attributes: event.attributes))
    }
    return run
  }
}

extension CommitBatch {
  /// Moves what is too large for a history beside it; the batch writes both.
  mutating func moveLargeValues(above limit: Int) throws {
    var moved = MovedValues(limit: limit)
    for index in history.indices where history[index].event.attributes.count > limit {
      let row = history[index]
      let changed = try StoredAttributes.transformed(
        row.event.attributes, .init(value: { moved.move($0, of: row.runID) }, failure: { $0 }))
      guard let changed else { continue }
      let event = HistoryEvent(
        eventID: row.event.eventID, type: row.event.type, at: row.event.at, causedBy: row.event.causedBy, attributes: changed)
      history[index] = HistoryRow(runID: row.runID, slot: row.slot, event: event)
    }
    // In order: two owners that store the same values must not wait for each other in a circle.
    largeValues = moved.values.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { LargeValueRow(hash: $0.key, bytes: $0.value) }
    largeValueReferences = moved.references.sorted { $0.hash.lexicographicallyPrecedes($1.hash) }
  }
}

/// What a batch moves beside its histories.
private struct MovedValues {
  let limit: Int
  var values: [[UInt8]: [UInt8]] = [:]
  var references: Set<LargeValueReferenceRow> = []

  mutating func move(_ payload: Payload, of runID: RunID) -> Payload {
    guard payload.bytes.count > limit, LargeValueReference(payload) == nil else { return payload }
    let reference = LargeValueReference(to: payload)
    values[reference.hash] = payload.bytes
    references.insert(LargeValueReferenceRow(runID: runID, hash: reference.hash))
    return reference.payload
  }
}

struct LargeValueRow: Sendable {
  let hash: [UInt8]
  let bytes: [UInt8]
}

/// That a run refers to a value.
struct LargeValueReferenceRow: Sendable, Hashable {
  let runID: RunID
  let hash: [UInt8]
}
