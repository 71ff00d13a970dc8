import Foundation

/// Lines `VARIABLE=value`, as systemd's EnvironmentFile has them: empty lines and those that begin with `#` count for nothing, and a value may
/// stand in quotes.
struct ConfigurationFile: Sendable {
  static let mostBytes = 64 << 10

  struct Entry: Sendable, Equatable {
    let key: String
    let value: String
    let line: Int
  }

  let path: String
  let entries: [Entry]

  /// - Throws: `UsageError` when it cannot be read or a line is not of this form.
  init(path: String) throws(UsageError) {
    guard let data = FileManager.default.contents(atPath: path), data.count <= Self.mostBytes,
      let text = String(data: data, encoding: .utf8)
    else {
      throw UsageError("the configuration file \(path) is no readable text of at most 64 KiB")
    }
    try self.init(path: path, text: text)
  }

  init(path: String, text: String) throws(UsageError) {
    var entries: [Entry] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = line.trimmingCharacters(in: .whitespaces.union(.controlCharacters))
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      guard let equals = line.firstIndex(of: "=") else {
        throw UsageError("\(path), line \(index + 1): write VARIABLE=value, or begin the line with # for a remark")
      }
      let key = line[..<equals].trimmingCharacters(in: .whitespaces)
      let value = Self.unquoted(line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces))
      guard !entries.contains(where: { $0.key == key }) else {
        throw UsageError("\(path), line \(index + 1): \(key) stands there twice; leave one of them")
      }
      entries.append(Entry(key: key, value: value, line: index + 1))
    }
    self.path = path
    self.entries = entries
  }

  /// What is wrong with its keys.
  var faults: [UsageError] {
    entries.compactMap { entry in
      if entry.key == Settings.configurationFile.variable {
        return UsageError("\(path), line \(entry.line): a configuration file names no other one; take the line out")
      }
      return Settings.variables.contains(entry.key) ? nil : UsageError("\(path), line \(entry.line): \(Settings.unknown(entry.key))")
    }
  }

  private static func unquoted(_ text: String) -> String {
    guard text.count >= 2, let mark = text.first, mark == "\"" || mark == "'", text.last == mark else { return text }
    return String(text.dropFirst().dropLast())
  }
}

extension Settings {
  /// Says that there is no such variable, and which one may have been meant.
  static func unknown(_ variable: String) -> String {
    let nearest = Spelling.nearest(to: variable.uppercased(), among: variables).map { "; did you mean \($0)?" }
    return "there is no setting '\(variable.shortened(to: 64).printable)'" + (nearest ?? ": `orchestratord config list` has them all")
  }
}
