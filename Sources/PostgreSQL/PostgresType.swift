/// The object identifier of a PostgreSQL type, as it travels in Parse messages and array headers.
public struct PostgresType: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let bool = PostgresType(rawValue: 16)
  public static let bytea = PostgresType(rawValue: 17)
  public static let int8 = PostgresType(rawValue: 20)
  public static let int2 = PostgresType(rawValue: 21)
  public static let int4 = PostgresType(rawValue: 23)
  public static let text = PostgresType(rawValue: 25)
  public static let float8 = PostgresType(rawValue: 701)
  public static let timestamptz = PostgresType(rawValue: 1184)
  public static let interval = PostgresType(rawValue: 1186)
  public static let uuid = PostgresType(rawValue: 2950)
  public static let jsonb = PostgresType(rawValue: 3802)

  public static let boolArray = PostgresType(rawValue: 1000)
  public static let byteaArray = PostgresType(rawValue: 1001)
  public static let int2Array = PostgresType(rawValue: 1005)
  public static let int4Array = PostgresType(rawValue: 1007)
  public static let textArray = PostgresType(rawValue: 1009)
  public static let int8Array = PostgresType(rawValue: 1016)
  public static let float8Array = PostgresType(rawValue: 1022)
  public static let timestamptzArray = PostgresType(rawValue: 1185)
  public static let intervalArray = PostgresType(rawValue: 1187)
  public static let uuidArray = PostgresType(rawValue: 2951)

  /// The element type of each array type that can be sent.
  private static let elements: [PostgresType: PostgresType] = [
    boolArray: bool, byteaArray: bytea, int2Array: int2, int4Array: int4, textArray: text, int8Array: int8,
    float8Array: float8, timestamptzArray: timestamptz, intervalArray: interval, uuidArray: uuid,
  ]

  /// The type of the elements, nil for anything but a one-dimensional array this module can send.
  public var element: PostgresType? { Self.elements[self] }

  /// The array type with these elements, nil when this module cannot send one.
  var array: PostgresType? { Self.elements.first { $0.value == self }?.key }
}

extension PostgresType: CustomStringConvertible {
  private static let names: [PostgresType: String] = [
    bool: "bool", bytea: "bytea", int8: "int8", int2: "int2", int4: "int4", text: "text", float8: "float8",
    timestamptz: "timestamptz", interval: "interval", uuid: "uuid", jsonb: "jsonb",
  ]

  public var description: String {
    if let element { return "\(element)[]" }
    return Self.names[self] ?? "type \(rawValue)"
  }
}
