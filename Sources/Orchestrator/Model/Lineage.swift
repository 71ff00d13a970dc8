/// Where a run comes from, when a caller's start is not all of it. A class: few runs have one, and what starts a run passes through many hands.
final class Lineage: Sendable, Equatable {
  /// The run that it continues as new.
  let continued: Continuation?
  /// The run that started it, or the first of its chain.
  let parent: ParentWorkflow?
  /// The run from which the beginning of its history was copied.
  let reset: ResetOrigin?

  init(continued: Continuation? = nil, parent: ParentWorkflow? = nil, reset: ResetOrigin? = nil) {
    self.continued = continued
    self.parent = parent
    self.reset = reset
  }

  static func == (left: Lineage, right: Lineage) -> Bool {
    left.continued == right.continued && left.parent == right.parent && left.reset == right.reset
  }
}

/// The run before in a chain, and what it leaves to its successor: nothing acknowledged is lost on the way.
struct Continuation: Sendable, Equatable {
  let runID: RunID
  /// The first run of the chain.
  let firstRunID: RunID
  /// How many runs of the chain came before; nil where an earlier build wrote it.
  var position: Int64?
  /// Signals that no code has received yet, in order of arrival.
  let signals: [SignaledAttributes]
  /// Requests whose signals were recorded, the latest last: a repeated one does not count twice.
  let requests: [String]
  /// Updates that were accepted, the latest last: a repeated one is not handled again.
  var updates: [String] = []
  /// Who asked the chain to cancel; nil when nobody did.
  let cancelRequestedBy: String?
}

extension Lineage {
  func write(to writer: inout AttributesWriter) {
    continued?.write(to: &writer)
    parent?.write(to: &writer)
    if let reset, let payload = try? PayloadCodec.encode(reset) { writer.field("reset", payload) }
  }

  /// Reads it back from the attributes of a start; nil for a run that a caller started.
  /// - Throws: `AttributesError` or `PayloadError` when a field is damaged.
  static func read(_ reader: AttributesReader) throws -> Lineage? {
    let (continued, parent) = (try Continuation.read(reader), try ParentWorkflow.read(reader))
    let reset = try reader.payload("reset").map { try PayloadCodec.decode(ResetOrigin.self, from: $0) }
    return continued == nil && parent == nil && reset == nil ? nil : Lineage(continued: continued, parent: parent, reset: reset)
  }
}

extension Continuation {
  fileprivate func write(to writer: inout AttributesWriter) {
    writer.field("continuedExecutionRunId", runID.description)
    writer.field("firstExecutionRunId", firstRunID.description)
    if let position { writer.field("chainPosition", position) }
    if !signals.isEmpty { writer.field("carriedSignals", .array(signals.map { IncomingEvent.signaled($0).encoded() })) }
    if !requests.isEmpty { writer.field("carriedRequests", .array(of: requests)) }
    if !updates.isEmpty { writer.field("carriedUpdates", .array(of: updates)) }
    writer.field("cancelRequestedBy", cancelRequestedBy)
  }

  fileprivate static func read(_ reader: AttributesReader) throws -> Continuation? {
    guard let runID = reader.text("continuedExecutionRunId").flatMap({ RunID($0) }) else { return nil }
    return Continuation(
      runID: runID, firstRunID: try require(reader.text("firstExecutionRunId").flatMap { RunID($0) }),
      position: reader.integer("chainPosition"),
      signals: try reader.array("carriedSignals").map { try SignaledAttributes(try AttributesReader($0)) },
      requests: try reader.array("carriedRequests").map { try PayloadCodec.decode(String.self, from: Payload(json: $0)) },
      updates: try reader.array("carriedUpdates").map { try PayloadCodec.decode(String.self, from: Payload(json: $0)) },
      cancelRequestedBy: reader.text("cancelRequestedBy"))
  }
}

extension Payload {
  fileprivate static func array(of texts: [String]) -> Payload {
    array(
      texts.map { text in
        var bytes: [UInt8] = []
        AttributesWriter.append(text, to: &bytes)
        return bytes
      })
  }

  /// A JSON array of values that are encoded already.
  static func array(_ elements: [[UInt8]]) -> Payload {
    var bytes = [UInt8(ascii: "[")]
    for (index, element) in elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      bytes += element
    }
    bytes.append(UInt8(ascii: "]"))
    return Payload(json: bytes)
  }
}
