import Foundation

/// All settings as they were found: the values, where each came from, and everything that is wrong with them.
struct SettingsReading {
  enum Source: Equatable {
    case option(String)
    case environment
    case configurationFile(line: Int)
    /// The file of a secret.
    case file(String)
    case standard
  }

  struct Found {
    let setting: Setting
    let source: Source
    /// Nil where nobody said anything, and for secrets.
    let shown: String?
  }

  private(set) var configuration = Configuration()
  private(set) var found: [Found] = []
  private(set) var faults: [UsageError] = []
  private let environment: [String: String]
  private var file: ConfigurationFile?

  /// Takes the options out of the arguments. Options win over the environment, that over the configuration file, that over the defaults.
  init(_ arguments: inout Arguments, _ environment: [String: String]) {
    // A variable that is set to nothing is how containers leave it out.
    self.environment = environment.filter { !$0.value.isEmpty }
    read(Settings.configurationFile, &arguments)
    if let path = configuration.configurationFile {
      do {
        let file = try ConfigurationFile(path: path)
        faults += file.faults
        self.file = file
      } catch {
        faults.append(error)
      }
    }
    for setting in Settings.all.dropFirst() { read(setting, &arguments) }
    for rule in Configuration.rules {
      do { try rule(&configuration) } catch { faults.append(error as? UsageError ?? UsageError("\(error)")) }
    }
  }

  private mutating func read(_ setting: Setting, _ arguments: inout Arguments) {
    do {
      guard let (text, source) = try find(setting, &arguments) else {
        return found.append(Found(setting: setting, source: .standard, shown: nil))
      }
      found.append(Found(setting: setting, source: source, shown: setting.isSecret ? nil : text.text))
      try setting.apply(text, to: &configuration)
    } catch {
      faults.append(error)
    }
  }

  private func find(_ setting: Setting, _ arguments: inout Arguments) throws(UsageError) -> (SettingText, Source)? {
    if let option = setting.option {
      if setting.isSwitch {
        if arguments.flag(option) { return (SettingText(name: option, text: "1"), .option(option)) }
      } else if let text = try arguments.option(option) {
        return (SettingText(name: option, text: text), .option(option))
      }
    }
    if let found = try find(setting, in: environment, .environment) { return found }
    guard let file else { return nil }
    let entries = Dictionary(file.entries.map { ($0.key, $0.value) }) { first, _ in first }.filter { !$0.value.isEmpty }
    let line = file.entries.first { $0.key == setting.variable }?.line ?? 0
    return try find(setting, in: entries, .configurationFile(line: line))
  }

  private func find(
    _ setting: Setting, in values: [String: String], _ source: Source
  ) throws(UsageError) -> (SettingText, Source)? {
    let value = values[setting.variable]
    guard let fileVariable = setting.fileVariable, let path = values[fileVariable] else {
      return value.map { (SettingText(name: setting.variable, text: $0), source) }
    }
    guard value == nil else { throw UsageError("set \(setting.variable) or \(fileVariable), not both") }
    guard let data = FileManager.default.contents(atPath: path), data.count <= 64 << 10, let text = String(data: data, encoding: .utf8)
    else {
      throw UsageError("\(fileVariable) names \(path), which is no readable text of at most 64 KiB")
    }
    return (SettingText(name: fileVariable, text: text.trimmingCharacters(in: .whitespacesAndNewlines)), .file(path))
  }
}
