import Foundation

/// Local time of a zone of the IANA database. The rules are Foundation's, which carries the database with it.
struct ZoneRules: Sendable {
  /// Nil for UTC, which needs no rules.
  private let zone: TimeZone?

  static let utc = ZoneRules()

  private init() { zone = nil }

  /// Nil for a name that is not known.
  init?(named name: String) {
    if ["UTC", "Etc/UTC", "GMT", "Z"].contains(name) {
      zone = nil
      return
    }
    let isPlain =
      name.utf8.count <= 64 && name.utf8.allSatisfy { $0 < 128 } && name.allSatisfy { $0.isLetter || $0.isNumber || "/_+-".contains($0) }
    guard isPlain, let zone = TimeZone(identifier: name) else { return nil }
    self.zone = zone
  }

  /// Seconds that local time is ahead of UTC at an instant, both in seconds since the Unix epoch.
  func offset(at instant: Int64) -> Int64 {
    guard let zone else { return 0 }
    return Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant))))
  }

  /// When a clock on the wall shows this time: never, once, or twice, in order.
  func instants(ofLocal local: Int64) -> [Int64] {
    guard zone != nil else { return [local] }
    let (earlier, later) = (offset(at: local - Self.day), offset(at: local + Self.day))
    if earlier == later { return [local - earlier] }
    return [earlier, later].map { (local - $0, $0) }.filter { offset(at: $0.0) == $0.1 }.map(\.0).sorted()
  }

  /// For an instant whose local time will come once more: when the clocks are set back, and the offset from then on.
  func settingBack(after instant: Int64) -> (instant: Int64, offset: Int64)? {
    guard zone != nil else { return nil }
    let before = offset(at: instant)
    let instants = instants(ofLocal: instant + before)
    guard instants.count == 2, instants[0] == instant else { return nil }
    var (low, high) = (instant, instants[1])
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if offset(at: middle) == before { low = middle } else { high = middle }
    }
    return (high, offset(at: high))
  }

  private static let day = CivilDate.secondsPerDay
}

/// A calendar in a zone.
///
/// A local time that the clocks jump over does not come: it is skipped. One that comes twice counts once, at its first coming, unless the
/// calendar leaves no hour out: what is due every hour or minute is due in the repeated hour too.
struct ZonedCalendar: Sendable {
  let matcher: CalendarMatcher
  let zone: ZoneRules

  /// Whether an instant in seconds since the Unix epoch is one of its times.
  func matches(_ instant: Int64) -> Bool { matcher.matches(instant + zone.offset(at: instant)) }

  func next(after instant: Int64) -> Int64? {
    var candidate = nextInLocalOrder(after: instant)
    if matcher.coversEveryHour, let change = zone.settingBack(after: instant),
      let again = matcher.next(after: change.instant + change.offset - 1)
    {
      candidate = min(candidate ?? .max, again - change.offset)
    }
    return candidate
  }

  private func nextInLocalOrder(after instant: Int64) -> Int64? {
    var local = instant + zone.offset(at: instant)
    while let match = matcher.next(after: local) {
      let instants = zone.instants(ofLocal: match)
      let counting = matcher.coversEveryHour ? instants : Array(instants.prefix(1))
      if let found = counting.first(where: { $0 > instant }) { return found }
      local = match
    }
    return nil
  }
}
