import Foundation

/// `orchestratord config`: what the settings are, where they come from, and whether a process could start with them.
struct ConfigCommand {
  static let help = """
    orchestratord config check [options]     says everything that is wrong with the settings; exit status 1 when there is something
    orchestratord config show [options]      every setting with its value and where it comes from; secrets are hidden
    orchestratord config list                every setting with its default and what it means, as Markdown
    """

  let environment: [String: String]
  let output: TerminalOutput

  static func run(_ arguments: inout Arguments) throws {
    try ConfigCommand(environment: ProcessInfo.processInfo.environment, output: .standard).run(&arguments)
  }

  func run(_ arguments: inout Arguments) throws {
    switch try arguments.positional() {
    case "check": try check(&arguments)
    case "show": try show(&arguments)
    case "list": output.write(Settings.markdown)
    case nil, "help": output.write(Self.help + "\n")
    case let word?: throw UsageError("there is no `config \(word)`:\n\(Self.help)")
    }
  }

  private func check(_ arguments: inout Arguments) throws {
    let reading = SettingsReading(&arguments, environment)
    try arguments.finish()
    let faults = ConfigurationChecks.faults(reading, environment)
    for fault in faults { output.line(fault) }
    guard faults.isEmpty else { throw ConfigurationFaults(count: faults.count) }
    output.line("nothing is wrong with the \(reading.found.count) settings")
  }

  private func show(_ arguments: inout Arguments) throws {
    let reading = SettingsReading(&arguments, environment)
    try arguments.finish()
    var table = TerminalTable("setting", "value", "from")
    for found in reading.found {
      let isGiven = found.source != .standard
      table.add(
        .init(found.setting.option ?? found.setting.variable, isGiven ? .strong : .plain), .init(value(of: found)),
        .init(place(of: found, reading.configuration.configurationFile ?? ""), isGiven ? .plain : .faint))
    }
    output.table(table)
    guard reading.faults.isEmpty else { throw ConfigurationFaults(count: reading.faults.count) }
  }

  private func value(of found: SettingsReading.Found) -> String {
    guard found.source != .standard else {
      let standard = found.setting.standard.replacing("`", with: "")
      return standard.isEmpty ? "none" : standard
    }
    return found.shown ?? "(hidden)"
  }

  private func place(of found: SettingsReading.Found, _ file: String) -> String {
    switch found.source {
    case .option(let option): "option \(option)"
    case .environment: "environment \(found.setting.variable)"
    case .configurationFile(let line): "\(file), line \(line)"
    case .file(let path): "file \(path)"
    case .standard: "default"
    }
  }
}

/// How many things are wrong; what they are was said.
struct ConfigurationFaults: Error, CustomStringConvertible {
  let count: Int
  var description: String {
    "\(count) \(count == 1 ? "fault" : "faults") in the settings: `orchestratord config check` says what to change"
  }
}
