import Foundation

/// Where retention looks for ended runs, in the order of their identifiers, which is the order of their starts. Pure.
///
/// A run that ended before the cutoff has started before it, so identifiers of a later time are not looked at: most of a busy table. Those far
/// in the future are looked at too, for no clock has drawn them; a caller chose them otherwise.
struct RetentionWalk {
  /// One ended run.
  struct Candidate: Equatable {
    let runID: RunID
    /// Rows of its history.
    let events: Int
    let isDue: Bool
  }

  /// Identifiers above `after`, up to and with `through`.
  struct Range: Equatable {
    var after: RunID
    let through: RunID
  }

  private static let dayMilliseconds: Int64 = 86_400_000
  /// How often the walk begins at the smallest identifier again: an old run may end behind its mark.
  private static let microsecondsBetweenWholeWalks: Int64 = 600_000_000

  private var ranges: [Range] = []
  /// Nothing up to here is left but runs that were open when the walk came by.
  private var mark = RunID.smallest
  private var hasMetYoung = false
  private var wholeWalkAt: Int64 = 0

  /// Begins a pass.
  /// - Parameters: microseconds since the Unix epoch, by the server's clock.
  mutating func begin(now: Int64, cutoff: Int64) {
    if now >= wholeWalkAt {
      wholeWalkAt = now + Self.microsecondsBetweenWholeWalks
      mark = .smallest
    }
    hasMetYoung = false
    let end = RunID.floor(unixMilliseconds: cutoff / 1000 + 1)
    let future = RunID.floor(unixMilliseconds: now / 1000 + Self.dayMilliseconds)
    ranges = [Range(after: mark, through: end), Range(after: future, through: .largest)]
  }

  /// Where to look next; nil when the pass is over.
  var range: Range? { ranges.first }

  /// Goes on behind a page.
  /// - Returns: what of it is due.
  mutating func take(_ page: [Candidate], isLast: Bool) -> [Candidate] {
    guard var range = ranges.first else { return [] }
    // Only the first range keeps a mark: the other holds what callers chose, which is little.
    let isMarked = ranges.count == 2
    for candidate in page where isMarked && !hasMetYoung {
      if candidate.isDue { mark = candidate.runID } else { hasMetYoung = true }
    }
    if isLast {
      if isMarked && !hasMetYoung { mark = max(mark, range.through) }
      ranges.removeFirst()
    } else if let last = page.last {
      range.after = last.runID
      ranges[0] = range
    }
    return page.filter(\.isDue)
  }

  /// Groups of at most so many history rows; a longer run is a group of its own.
  static func groups(_ due: [Candidate], rows limit: Int) -> [[RunID]] {
    var groups: [[RunID]] = []
    var rows = 0
    for candidate in due {
      if groups.isEmpty || rows + candidate.events > limit {
        groups.append([])
        rows = 0
      }
      groups[groups.count - 1].append(candidate.runID)
      rows += candidate.events
    }
    return groups
  }
}
