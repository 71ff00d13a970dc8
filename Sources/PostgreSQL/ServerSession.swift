import CPostgreSQL
import Glibc

/// One libpq connection in non-blocking pipeline mode; owns the PGconn, knows nothing of transactions.
final class ServerSession {
  let raw: OpaquePointer

  /// Connects; blocks for at most the configured time per host.
  init(_ configuration: ConnectionConfiguration) throws {
    let keywords = try configuration.keywords()
    let connection = Self.connect(keywords)
    guard let connection else { throw DatabaseError(.connectionFailed, "libpq has no memory for a connection") }
    raw = connection
    guard PQstatus(connection) == CONNECTION_OK else {
      throw DatabaseError(.connectionFailed, "cannot connect to \(configuration): \(ServerReport.lastMessage(of: connection))")
    }
    // Without this libpq prints notices to standard error.
    PQsetNoticeProcessor(connection, { _, _ in }, nil)
    guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else {
      throw DatabaseError(.connectionFailed, "the connection to \(configuration) cannot enter pipeline mode")
    }
  }

  deinit { PQfinish(raw) }

  var socket: Int32 { PQsocket(raw) }

  private static func connect(_ keywords: [String: String]) -> OpaquePointer? {
    let pairs = keywords.map { (strdup($0.key), strdup($0.value)) }
    defer {
      for (keyword, value) in pairs {
        free(keyword)
        free(value)
      }
    }
    let names = pairs.map { UnsafePointer($0.0) } + [nil]
    let values = pairs.map { UnsafePointer($0.1) } + [nil]
    return PQconnectdbParams(names, values, 0)
  }

  /// True when everything left; false when the socket must become writable first.
  func flush() throws -> Bool {
    switch PQflush(raw) {
    case 0: return true
    case 1: return false
    default: throw lost()
    }
  }

  /// Takes what the socket has, without waiting.
  func consumeInput() throws {
    guard PQconsumeInput(raw) == 1 else { throw lost() }
  }

  func lost() -> DatabaseError {
    DatabaseError(.connectionLost, "the connection to PostgreSQL ended: \(ServerReport.lastMessage(of: raw))")
  }

  func prepare(name: String, _ statement: Statement) throws {
    let types = statement.parameterTypes.map(\.rawValue)
    guard PQsendPrepare(raw, name, statement.sql, Int32(types.count), types) == 1 else { throw lost() }
  }

  func execute(prepared name: String, _ parameters: Parameters) throws {
    let sent = Self.withArguments(parameters) { values, lengths, formats in
      PQsendQueryPrepared(raw, name, Int32(parameters.count), values, lengths, formats, 1)
    }
    guard sent == 1 else { throw lost() }
  }

  /// Executes without a prepared statement: parsed and planned for this one time.
  func execute(unprepared statement: Statement, _ parameters: Parameters) throws {
    let types = statement.parameterTypes.map(\.rawValue)
    let sent = Self.withArguments(parameters) { values, lengths, formats in
      PQsendQueryParams(raw, statement.sql, Int32(parameters.count), types, values, lengths, formats, 1)
    }
    guard sent == 1 else { throw lost() }
  }

  func sync() throws {
    guard PQpipelineSync(raw) == 1 else { throw lost() }
  }

  private typealias Values = UnsafePointer<UnsafePointer<CChar>?>
  private typealias Integers = UnsafePointer<Int32>

  /// Points libpq into the parameters' own buffer; libpq copies once, into its output buffer.
  private static func withArguments(_ parameters: Parameters, _ body: (Values?, Integers?, Integers?) -> Int32) -> Int32 {
    let slots = parameters.slots
    guard !slots.isEmpty else { return body(nil, nil, nil) }
    return parameters.buffer.withBytes { bytes in
      withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: slots.count) { values in
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: slots.count * 2) { integers in
          for (index, slot) in slots.enumerated() {
            values.initializeElement(at: index, to: pointer(to: slot, in: bytes))
            integers.initializeElement(at: index, to: max(0, slot.length))
            integers.initializeElement(at: slots.count + index, to: 1)
          }
          let lengths = UnsafePointer(integers.baseAddress)
          return body(UnsafePointer(values.baseAddress), lengths, lengths.map { $0 + slots.count })
        }
      }
    }
  }

  /// Nil means null to libpq, so an empty value needs an address too; it is never read.
  private static func pointer(to slot: Parameters.Slot, in bytes: UnsafeRawBufferPointer) -> UnsafePointer<CChar>? {
    guard slot.length >= 0 else { return nil }
    guard slot.length > 0, let base = bytes.baseAddress else { return emptyValue }
    // Bytes read as C characters: CChar may alias anything, and libpq reads as many as the length beside it says.
    return (base + slot.start).assumingMemoryBound(to: CChar.self)
  }

  // Allocated once, never written after and never freed.
  private nonisolated(unsafe) static let emptyValue: UnsafePointer<CChar> = {
    let byte = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
    byte.initialize(to: 0)
    return UnsafePointer(byte)
  }()
}
