/// The one table of settings: reading them, `orchestratord config`, the help text and the table of docs/operating.md follow from it.
///
/// A new setting is one entry in the list of its area, and the field of `Configuration` that it fills.
enum Settings {
  static let all = [configurationFile] + service + storage + pipeline + access

  /// Read before all others, because it says where they may stand.
  static let configurationFile = Setting.text(
    "--config", "FILE", "ORCHESTRATOR_CONFIG", \.configurationFile, standard: "none",
    "[a file](#configuration-file) with lines `VARIABLE=value`, which hold where neither option nor environment says otherwise")

  /// Every name by which a value can be given, but options.
  static let variables = Set(all.map(\.variable) + all.compactMap(\.fileVariable))

  /// What docs/operating.md shows.
  static var markdown: String {
    let head = ["| option | environment and file | default | what |", "| --- | --- | --- | --- |"]
    let rows = all.map { setting in
      let option = setting.option.map { "`\(([$0] + [setting.form].compactMap { $0 }).joined(separator: " "))`" }
      let names = [setting.variable, setting.fileVariable].compactMap { $0.map { "`\($0)`" } }.joined(separator: ", ")
      return "|" + [option ?? "", names, setting.standard, setting.meaning].map { $0.isEmpty ? " |" : " \($0) |" }.joined()
    }
    return (head + rows).joined(separator: "\n") + "\n"
  }

  /// The options as the help text lists them, in lines of at most 130 characters.
  static var options: String {
    var lines = ["Options:"]
    for setting in all {
      guard let option = setting.option else { continue }
      let words = ([option] + [setting.form].compactMap { $0 }).joined(separator: " ") + ","
      if lines[lines.count - 1].count + words.count > 130 { lines.append("     ") }
      lines[lines.count - 1] += " " + words
    }
    return String(lines.joined(separator: "\n").dropLast())
  }
}
