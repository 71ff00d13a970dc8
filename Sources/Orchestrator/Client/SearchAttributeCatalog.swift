import PostgreSQL
import Synchronization

/// A search attribute that runs may have.
public struct SearchAttributeDefinition: Codable, Sendable, Equatable {
  public let name: String
  public let type: SearchAttributeType

  public init(name: String, type: SearchAttributeType) {
    self.name = name
    self.type = type
  }
}

/// The search attributes of a database as this process knows them. They are added and never changed: what is known once stays true.
final class SearchAttributeCatalog: Sendable {
  private let known = Mutex<[String: SearchAttributeType]>([:])

  /// All types, among them those of these names as far as the database has them.
  func types(naming names: some Sequence<String>, in database: Database) async throws -> [String: SearchAttributeType] {
    let cached = known.withLock { $0 }
    guard names.contains(where: { cached[$0] == nil }) else { return cached }
    let read = try await definitions(in: database)
    let types = Dictionary(read.map { ($0.name, $0.type) }) { first, _ in first }
    known.withLock { $0 = types }
    return types
  }

  /// By name.
  func definitions(in database: Database) async throws -> [SearchAttributeDefinition] {
    let rows = try await database.query(ClientStatements.searchAttributeTypes)
    return try (0..<rows.count).compactMap { row in
      // One that a later build knows is none of this build's.
      guard let type = SearchAttributeType(rawValue: try rows.text(row, 1)) else { return nil }
      return SearchAttributeDefinition(name: try rows.text(row, 0), type: type)
    }
  }
}

extension Client {
  /// The search attributes that runs may have, by name.
  public func searchAttributes() async throws -> [SearchAttributeDefinition] {
    try await attributeCatalog.definitions(in: database)
  }

  /// Adds a search attribute; the same again changes nothing.
  /// - Throws: `OrchestratorError` with code `invalid-argument`: a bad name, or one that has another type.
  public func addSearchAttribute(_ name: String, _ type: SearchAttributeType) async throws {
    _ = try await call(ClientStatements.addSearchAttribute, Parameters(name, type.rawValue))
  }

  /// Values in JSON as they came from outside, each read as the type of its name asks.
  /// - Throws: `OrchestratorError` with code `invalid-argument`: an unknown name, a value of another type.
  public func searchAttributes(reading json: Payload) async throws -> SearchAttributes {
    let types = Dictionary(try await searchAttributes().map { ($0.name, $0.type) }) { first, _ in first }
    return try SearchAttributes(json: json, types: types)
  }

  func check(_ attributes: SearchAttributes, _ memo: Payload?) async throws {
    if !attributes.isEmpty {
      try attributes.check(against: try await attributeCatalog.types(naming: attributes.values.keys, in: database))
    }
    try memo?.checkIsMemo()
  }
}

extension Payload {
  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  func checkIsMemo() throws {
    guard bytes.first == UInt8(ascii: "{"), bytes.count <= Limits.memoBytes, JSONGrammar.accepts(bytes) else {
      throw OrchestratorError(.invalidArgument, "a memo is a JSON object of at most \(Limits.memoBytes / 1024) KiB")
    }
  }
}
