/// The text of a cron table, read into a calendar or an interval.
///
/// Five fields are minute, hour, day of the month, month, day of the week; six add the year, seven put the second before them. `@hourly` and its
/// kind, `@every 90m/15m`, `CRON_TZ=Zone` or `TZ=Zone` in front and a comment behind `#` are understood. Day of the month and day of the week
/// must both fit, unlike in old cron programs.
struct CronExpression: Equatable {
  enum Times: Equatable {
    case calendar(CalendarSpecification)
    case interval(IntervalSpecification)
  }

  let times: Times
  /// What `CRON_TZ=` says.
  let timeZone: String?

  private static let shorthands = [
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0", "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
  ]
  private static let layouts: [Int: [CalendarUnit]] = [
    5: [.minute, .hour, .dayOfMonth, .month, .dayOfWeek],
    6: [.minute, .hour, .dayOfMonth, .month, .dayOfWeek, .year],
    7: [.second, .minute, .hour, .dayOfMonth, .month, .dayOfWeek, .year],
  ]

  /// - Throws: `OrchestratorError` with code `invalid-argument`: what is wrong, and at which character.
  init(_ text: String) throws(OrchestratorError) {
    do throws(CalendarProblem) {
      self = try Self.parse(text)
    } catch {
      throw OrchestratorError(
        .invalidArgument, "cron expression \"\(text.prefix(utf8Bytes: 100))\": \(error.message), at character \(error.offset + 1)")
    }
  }

  private init(_ times: Times, _ timeZone: String?) {
    self.times = times
    self.timeZone = timeZone
  }

  /// A word of the text, with the characters before it.
  private typealias Word = (text: Substring, offset: Int)

  private static func parse(_ text: String) throws(CalendarProblem) -> CronExpression {
    guard text.utf8.count <= Limits.nameBytes else {
      throw CalendarProblem(message: "it has more than \(Limits.nameBytes) bytes", offset: Limits.nameBytes)
    }
    let comment = text.firstIndex(of: "#").map { text[text.index(after: $0)...].drop { $0 == " " } }
    let body = text[..<(text.firstIndex(of: "#") ?? text.endIndex)]
    var words: [Word] = body.split(whereSeparator: \.isWhitespace).map { ($0, text.distance(from: text.startIndex, to: $0.startIndex)) }
    let zone = words.first.flatMap { word in ["CRON_TZ=", "TZ="].first { word.text.hasPrefix($0) } }.map { prefix in
      String(words.removeFirst().text.dropFirst(prefix.count))
    }
    guard let first = words.first else { throw CalendarProblem(message: "there is nothing in it", offset: 0) }
    if first.text == "@every" { return CronExpression(.interval(try interval(Array(words.dropFirst()), after: first)), zone) }
    if first.text.hasPrefix("@") {
      guard let meaning = shorthands[first.text.lowercased()], words.count == 1 else {
        let known = shorthands.keys.sorted().joined(separator: ", ")
        throw CalendarProblem(message: "'\(first.text)' is none of \(known), @every", offset: first.offset)
      }
      words = meaning.split(separator: " ").map { ($0, first.offset) }
    }
    var calendar = try self.calendar(words)
    calendar.comment = comment.flatMap { $0.isEmpty ? nil : String($0) }
    return CronExpression(.calendar(calendar), zone)
  }

  private static func calendar(_ words: [Word]) throws(CalendarProblem) -> CalendarSpecification {
    guard let layout = layouts[words.count] else {
      throw CalendarProblem(
        message: "it has \(words.count) fields: 5 are minute, hour, day of month, month, day of week; 6 add a year, 7 begin with a second",
        offset: words.last?.offset ?? 0)
    }
    var calendar = CalendarSpecification()
    for (unit, word) in zip(layout, words) {
      do throws(CalendarProblem) {
        calendar[unit] = try unit.ranges(in: word.text)
      } catch {
        throw CalendarProblem(message: error.message, offset: word.offset + error.offset)
      }
    }
    return calendar
  }

  /// `90m`, or `90m/15m` with a phase.
  private static func interval(_ words: [Word], after every: Word) throws(CalendarProblem) -> IntervalSpecification {
    guard words.count == 1, let interval = IntervalSpecification(text: String(words[0].text)) else {
      throw CalendarProblem(message: "@every takes a duration such as 90m or 1h/15m", offset: words.first?.offset ?? every.offset)
    }
    return interval
  }
}
