import Foundation
import PostgreSQL

/// One event of a history as people and programs outside read it.
public struct HistoryEntry: Codable, Sendable {
  /// 1 for the first event of a run, without gaps.
  public let eventID: Int32
  /// Temporal's name, for example `ActivityTaskScheduled`.
  public let type: String
  public let at: RecordedTime
  /// The event that made the code do it, or that asked for this answer; 0 for what came from outside.
  public let causedBy: Int32
  public let attributes: Payload

  enum CodingKeys: String, CodingKey {
    case eventID = "eventId"
    case type, at, causedBy, attributes
  }

  init(_ event: HistoryEvent) {
    self.init(
      eventID: event.eventID, type: event.type.name, at: RecordedTime(microseconds: event.at), causedBy: event.causedBy,
      attributes: Payload(json: event.attributes))
  }

  init(eventID: Int32, type: String, at: RecordedTime, causedBy: Int32, attributes: Payload) {
    self.eventID = eventID
    self.type = type
    self.at = at
    self.causedBy = causedBy
    self.attributes = attributes
  }
}

/// A part of a history.
public struct HistoryPage: Codable, Sendable {
  public let runID: RunID
  public let events: [HistoryEntry]
  /// `after` of the call that gives the next part; nil at the end of what is recorded.
  public let nextAfter: Int32?

  enum CodingKeys: String, CodingKey {
    case runID = "runId"
    case events, nextAfter
  }
}

/// A whole history in a file: made by one machine, replayed by another.
public struct HistoryExport: Codable, Sendable {
  /// The only format there is, so far.
  public static let currentFormat = "orchestrator-history/1"

  public let format: String
  public let runID: RunID
  public let namespace: String
  public let workflowID: String
  public let workflowType: String
  /// The run is blocked and its code has not seen the last event yet.
  public let lastEventUnapplied: Bool
  public let events: [HistoryEntry]

  enum CodingKeys: String, CodingKey {
    case runID = "runId"
    case workflowID = "workflowId"
    case format, namespace, workflowType, lastEventUnapplied, events
  }

  /// The document, for a file.
  public func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(self)) + Array("\n".utf8)
  }

  /// Reads a file.
  /// - Throws: `OrchestratorError` with code `damaged-history` for everything that is no export of this format.
  public init(reading bytes: [UInt8]) throws {
    do {
      self = try JSONDecoder().decode(HistoryExport.self, from: Data(bytes))
    } catch {
      throw OrchestratorError(.damagedHistory, "the file is no exported history: write one with `orchestratord workflow export ID`")
    }
    guard format == Self.currentFormat else {
      throw OrchestratorError(.damagedHistory, "the file has the format '\(format.prefix(100))', this build reads '\(Self.currentFormat)'")
    }
  }

  init(runID: RunID, key: WorkflowKey, workflowType: String, lastEventUnapplied: Bool, events: [HistoryEntry]) {
    format = Self.currentFormat
    self.runID = runID
    namespace = key.namespace
    workflowID = key.workflowID
    self.workflowType = workflowType
    self.lastEventUnapplied = lastEventUnapplied
    self.events = events
  }

  /// The rows that these events were.
  /// - Throws: `OrchestratorError` with code `damaged-history` for an event type that this build does not know.
  func rows() throws -> [HistoryEvent] {
    try events.map { entry in
      guard let type = EventType.allCases.first(where: { $0.name == entry.type }) else {
        throw OrchestratorError(.damagedHistory, "event \(entry.eventID) has the type '\(entry.type)', which this build does not know")
      }
      return HistoryEvent(
        eventID: entry.eventID, type: type, at: entry.at.microseconds, causedBy: entry.causedBy, attributes: entry.attributes.bytes)
    }
  }
}

extension Client {
  /// A part of a run's history, decoded, from its beginning on.
  /// - Parameters:
  ///   - after: the last event id of the part before.
  ///   - limit: events, 1 to 1000.
  ///   - display: how values that codecs changed are shown.
  /// - Throws: `OrchestratorError`: `invalid-argument`, `damaged-history`.
  public func history(
    _ runID: RunID, after: Int32 = 0, limit: Int = 1000, showing display: ValueDisplay = .placeholders
  ) async throws -> HistoryPage {
    let limit = try Self.checked(limit)
    let rows = try await database.query(VisibilityStatements.history, Parameters(runID.uuid, after, Int64(limit) + 1))
    let stored = try (0..<min(rows.count, limit)).map { HistoryEntry(try LoadedRuns.event(rows, $0)) }
    let events = try await shown(stored, of: runID, display)
    return HistoryPage(runID: runID, events: events, nextAfter: rows.count > limit ? events.last?.eventID : nil)
  }

  /// Whose run it is must be known only where something is to be shown in another form.
  private func shown(_ events: [HistoryEntry], of runID: RunID, _ display: ValueDisplay) async throws -> [HistoryEntry] {
    let areLarge = events.contains { LargeValueReference.mayStand(in: $0.attributes.bytes) }
    guard areLarge || events.contains(where: { PayloadEnvelope.mayStand(in: $0.attributes.bytes) }) else { return events }
    let key = try await key(of: runID)
    let values = try await largeValues(in: events.map(\.attributes.bytes), key)
    return try events.map { try $0.resolved(values).shown(display, codec, key) }
  }

  /// Whose run it is.
  /// - Throws: `OrchestratorError` with code `workflow-not-found`.
  func key(of runID: RunID) async throws -> WorkflowKey {
    let rows = try await database.query(VisibilityStatements.run, Parameters(runID.uuid))
    guard rows.count > 0 else { throw OrchestratorError(.workflowNotFound, "no run has the id \(runID)") }
    return WorkflowKey(namespace: try rows.text(0, 0), workflowID: try rows.text(0, 1))
  }

  /// A run's whole history, to be kept or replayed elsewhere.
  /// - Parameter display: how values that codecs changed are shown; only those as they are stored, the default, can be replayed elsewhere by
  ///   whoever has the keys.
  /// - Throws: `OrchestratorError` with code `workflow-not-found`.
  public func export(_ runID: RunID, showing display: ValueDisplay = .stored) async throws -> HistoryExport {
    let rows = try await database.query(VisibilityStatements.run, Parameters(runID.uuid))
    guard rows.count > 0 else { throw OrchestratorError(.workflowNotFound, "no run has the id \(runID)") }
    // Read before the events: an event that comes meanwhile is then compared with what the code did for it, or reported as one more.
    let isUnapplied = try await database.query(VisibilityStatements.lastEventUnapplied, Parameters(runID.uuid)).bool(0, 0)
    var events: [HistoryEntry] = []
    var after: Int32? = 0
    while let last = after {
      let page = try await history(runID, after: last, showing: display)
      events += page.events
      after = page.nextAfter
    }
    return HistoryExport(
      runID: runID, key: WorkflowKey(namespace: try rows.text(0, 0), workflowID: try rows.text(0, 1)),
      workflowType: try rows.text(0, 2), lastEventUnapplied: isUnapplied, events: events)
  }
}
