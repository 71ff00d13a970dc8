/// Numbers from `start` through `end`, each `step` apart.
public struct CalendarRange: Sendable, Equatable, ExpressibleByIntegerLiteral {
  /// The first number.
  public var start: Int
  /// The last number that may be meant; default the first.
  public var end: Int
  /// From 1, the default.
  public var step: Int

  public init(_ start: Int, through end: Int? = nil, step: Int = 1) {
    self.start = start
    self.end = end ?? start
    self.step = step
  }

  public init(integerLiteral value: Int) { self.init(value) }
}

/// Times whose every part is in one of the part's ranges: an empty list means 0 for seconds, minutes and hours, and all for the rest.
///
///     CalendarSpecification(hour: [9], dayOfWeek: [CalendarRange(1, through: 5)])  // workdays at 9:00
///
/// In JSON a part is text as in cron, `"hour": "9-17/2"`, a number, or a list of `{"start": 9, "end": 17, "step": 2}`.
public struct CalendarSpecification: Sendable, Equatable {
  /// 0 to 59.
  public var second: [CalendarRange]
  /// 0 to 59.
  public var minute: [CalendarRange]
  /// 0 to 23.
  public var hour: [CalendarRange]
  /// 1 to 31; must fit together with the day of the week.
  public var dayOfMonth: [CalendarRange]
  /// 1 to 12.
  public var month: [CalendarRange]
  /// 2000 to 2100.
  public var year: [CalendarRange]
  /// 0 for Sunday to 6; 7 is Sunday too.
  public var dayOfWeek: [CalendarRange]
  /// For people.
  public var comment: String?

  public init(
    second: [CalendarRange] = [], minute: [CalendarRange] = [], hour: [CalendarRange] = [], dayOfMonth: [CalendarRange] = [],
    month: [CalendarRange] = [], year: [CalendarRange] = [], dayOfWeek: [CalendarRange] = [], comment: String? = nil
  ) {
    self.second = second
    self.minute = minute
    self.hour = hour
    self.dayOfMonth = dayOfMonth
    self.month = month
    self.year = year
    self.dayOfWeek = dayOfWeek
    self.comment = comment
  }

  subscript(unit: CalendarUnit) -> [CalendarRange] {
    get {
      switch unit {
      case .second: second
      case .minute: minute
      case .hour: hour
      case .dayOfMonth: dayOfMonth
      case .month: month
      case .year: year
      case .dayOfWeek: dayOfWeek
      }
    }
    set {
      switch unit {
      case .second: second = newValue
      case .minute: minute = newValue
      case .hour: hour = newValue
      case .dayOfMonth: dayOfMonth = newValue
      case .month: month = newValue
      case .year: year = newValue
      case .dayOfWeek: dayOfWeek = newValue
      }
    }
  }
}

extension CalendarSpecification: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: FieldName.self)
    let units = CalendarUnit.allCases.map(\.rawValue)
    // A misspelt field would mean "every" or "midnight" without a word.
    try container.refuseFields(exceptFor: units + ["comment"], of: "a calendar")
    self.init(comment: try container.decodeIfPresent(String.self, forKey: "comment"))
    for unit in CalendarUnit.allCases where container.contains(FieldName(unit.rawValue)) {
      self[unit] = try Self.ranges(of: unit, in: container)
    }
  }

  private static func ranges(of unit: CalendarUnit, in container: KeyedDecodingContainer<FieldName>) throws -> [CalendarRange] {
    let key = FieldName(unit.rawValue)
    if let number = try? container.decode(Int.self, forKey: key) { return [CalendarRange(number)] }
    guard let text = try? container.decode(String.self, forKey: key) else { return try container.decode([CalendarRange].self, forKey: key) }
    guard !text.isEmpty else { return [] }
    do throws(CalendarProblem) {
      return try unit.ranges(in: text)
    } catch {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: container, debugDescription: "\(error.message), at character \(error.offset + 1)")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: FieldName.self)
    for unit in CalendarUnit.allCases where !self[unit].isEmpty {
      try container.encode(unit.text(of: self[unit]), forKey: FieldName(unit.rawValue))
    }
    try container.encodeIfPresent(comment, forKey: "comment")
  }
}

extension CalendarRange: Codable {
  public init(from decoder: any Decoder) throws {
    if let number = try? decoder.singleValueContainer().decode(Int.self) {
      self.init(number)
      return
    }
    let container = try decoder.container(keyedBy: FieldName.self)
    try container.refuseFields(exceptFor: ["start", "end", "step"], of: "a range")
    let start = try container.decodeIfPresent(Int.self, forKey: "start") ?? 0
    // As in Temporal's messages, where what is not said is 0.
    let (end, step) = (
      try container.decodeIfPresent(Int.self, forKey: "end") ?? 0, try container.decodeIfPresent(Int.self, forKey: "step") ?? 1
    )
    self.init(start, through: max(start, end), step: max(1, step))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: FieldName.self)
    try container.encode(start, forKey: "start")
    try container.encode(end, forKey: "end")
    try container.encode(step, forKey: "step")
  }
}

/// The name of a field in JSON, whatever it is.
struct FieldName: CodingKey, ExpressibleByStringLiteral {
  let stringValue: String
  var intValue: Int? { nil }

  init(_ name: String) { stringValue = name }
  init(stringLiteral value: String) { self.init(value) }
  init?(stringValue: String) { self.init(stringValue) }
  init?(intValue: Int) { nil }
}

extension KeyedDecodingContainer where Key == FieldName {
  func refuseFields(exceptFor known: [String], of what: String) throws {
    guard let stranger = allKeys.first(where: { !known.contains($0.stringValue) }) else { return }
    throw DecodingError.dataCorruptedError(
      forKey: stranger, in: self, debugDescription: "\(what) has no field '\(stranger.stringValue)', only \(known.joined(separator: ", "))")
  }
}
