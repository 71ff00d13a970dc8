/// Durations of schedules as text: `3600s` as in Temporal's JSON, or `1h30m`, `2d`.
enum DurationText {
  private static let units: [(name: Character, seconds: Int64)] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]

  /// Whole numbers with units d, h, m and s, larger ones first; nil for anything else and for more than 1000 years.
  static func duration(in text: some StringProtocol) -> Duration? {
    var seconds: Int64 = 0
    var rest = Substring(text)
    var allowed = units[...]
    guard !rest.isEmpty, rest.utf8.count <= 64 else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard let number = Int64(digits), number <= Limits.durationMilliseconds / 1000, let name = rest.dropFirst(digits.count).first,
        let unit = allowed.firstIndex(where: { $0.name == name })
      else { return nil }
      seconds += number * units[unit].seconds
      guard seconds <= Limits.durationMilliseconds / 1000 else { return nil }
      allowed = units[(unit + 1)...]
      rest = rest.dropFirst(digits.count + 1)
    }
    return .seconds(seconds)
  }

  static func text(of duration: Duration) -> String { "\(duration.components.seconds)s" }

  static func decode(_ key: FieldName, of container: KeyedDecodingContainer<FieldName>) throws -> Duration? {
    guard let text = try container.decodeIfPresent(String.self, forKey: key) else { return nil }
    guard let duration = duration(in: text) else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: container, debugDescription: "'\(key.stringValue)' takes a duration such as 90s, 1h30m or 2d")
    }
    return duration
  }
}
