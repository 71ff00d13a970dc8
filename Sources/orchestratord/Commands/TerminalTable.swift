import Foundation
import Glibc
import Orchestrator

/// Text for people: aligned columns, colour only where a terminal shows it.
struct TerminalTable {
  /// One field of a row.
  struct Cell: ExpressibleByStringLiteral {
    let text: String
    var style = TerminalStyle.plain

    init(_ text: String, _ style: TerminalStyle = .plain) {
      self.text = text.printable
      self.style = style
    }

    init(stringLiteral value: String) { self.init(value) }
  }

  private let heads: [Cell]
  private var rows: [[Cell]] = []

  init(_ heads: String...) {
    self.heads = heads.map { Cell($0, .faint) }
  }

  mutating func add(_ cells: Cell...) { rows.append(cells) }

  var isEmpty: Bool { rows.isEmpty }

  /// The lines, each column as wide as its widest cell; the last one takes what it needs.
  func lines(hasColour: Bool, indent: String = "") -> [String] {
    let all = [heads] + rows
    let widths = heads.indices.map { column in all.map { $0[column].text.count }.max() ?? 0 }
    return all.map { row in
      let fields = row.enumerated().map { column, cell in
        let padding = column == row.count - 1 ? "" : String(repeating: " ", count: widths[column] - cell.text.count + 2)
        return cell.style.applied(to: cell.text, hasColour: hasColour) + padding
      }
      return indent + fields.joined().trimmingCharacters(in: CharacterSet(charactersIn: " "))
    }
  }
}

/// What a piece of text tells by its colour; the words say the same.
enum TerminalStyle: String {
  case plain = ""
  case good = "32"
  case bad = "31"
  case waiting = "33"
  case faint = "2"
  case strong = "1"

  func applied(to text: String, hasColour: Bool) -> String {
    hasColour && self != .plain ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
  }

  init(_ status: WorkflowStatus) {
    switch status {
    case .running, .continuedAsNew: self = .plain
    case .completed: self = .good
    case .blocked, .failed, .timedOut: self = .bad
    case .canceled, .terminated, .paused: self = .waiting
    }
  }
}

/// Where a command's words go, and what it may assume about it.
struct TerminalOutput: Sendable {
  let hasColour: Bool
  /// Microseconds since the Unix epoch.
  let now: @Sendable () -> Int64
  let write: @Sendable (String) -> Void
  /// Shows how far a long work is, in place of what it showed before; an empty text ends that.
  var progress: @Sendable (String) -> Void = { _ in }

  /// Standard output; colour when it is a terminal and NO_COLOR is not set.
  static var standard: TerminalOutput {
    TerminalOutput(
      hasColour: isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil,
      now: { Int64(Date().timeIntervalSince1970 * 1_000_000) },
      write: { FileHandle.standardOutput.write(Data($0.utf8)) },
      progress: { text in
        guard isatty(STDERR_FILENO) == 1 else { return }
        FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8))
      })
  }

  func line(_ text: String) { write(text.printable + "\n") }

  func styled(_ text: String, _ style: TerminalStyle) -> String { style.applied(to: text.printable, hasColour: hasColour) }

  func table(_ table: TerminalTable, indent: String = "") {
    write(table.lines(hasColour: hasColour, indent: indent).joined(separator: "\n") + "\n")
  }

  /// One JSON document on a line of its own.
  func json(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
  }

  /// `3 min ago`, `in 5 s`.
  func relative(_ time: RecordedTime) -> String {
    let distance = now() - time.microseconds
    let text = Self.length(microseconds: abs(distance))
    return distance >= 0 ? "\(text) ago" : "in \(text)"
  }

  /// The two or three digits that matter.
  static func length(microseconds: Int64) -> String {
    let seconds = microseconds / 1_000_000
    switch seconds {
    case 0: return "\(microseconds / 1000) ms"
    case ..<10: return "\(seconds).\(microseconds / 100_000 % 10) s"
    case ..<120: return "\(seconds) s"
    case ..<7200: return "\(seconds / 60) min"
    case ..<172_800: return "\(seconds / 3600) h"
    default: return "\(seconds / 86_400) d"
    }
  }
}

extension String {
  /// Without control characters: what is stored must not steer the terminal that shows it.
  var printable: String {
    guard unicodeScalars.contains(where: { $0.properties.generalCategory == .control || $0.properties.isBidiControl }) else { return self }
    var scalars = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      let isHarmless = scalar.properties.generalCategory != .control && !scalar.properties.isBidiControl
      scalars.append(isHarmless ? scalar : scalar == "\n" || scalar == "\t" ? " " : "\u{FFFD}")
    }
    return String(scalars)
  }

  /// At most so many characters, with a mark where something is missing.
  func shortened(to count: Int) -> String { self.count <= count ? self : self.prefix(count - 1) + "…" }
}
