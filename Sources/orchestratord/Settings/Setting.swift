/// One setting of a process: where it may be given, what it means, and how its text becomes a value.
struct Setting: Sendable {
  /// `--port`; nil where the value must not stand in a list of processes.
  let option: String?
  /// What the option's value looks like, `N`; nil for a switch.
  let form: String?
  /// The environment variable, which is also the key in a configuration file.
  let variable: String
  /// What holds without it, in Markdown.
  let standard: String
  /// In Markdown.
  let meaning: String
  let isSecret: Bool
  private let store: @Sendable (SettingText, inout Configuration) throws -> Void

  /// - Parameter parse: makes the value of its text; throws `UsageError` or an error whose description says what to write instead.
  init<Value>(
    _ option: String?, _ form: String? = nil, _ variable: String, _ field: any WritableKeyPath<Configuration, Value> & Sendable,
    standard: String, _ meaning: String, isSecret: Bool = false, parse: @escaping @Sendable (SettingText) throws -> Value
  ) {
    self.option = option
    self.form = form
    self.variable = variable
    self.standard = standard
    self.meaning = meaning
    self.isSecret = isSecret
    store = { text, configuration in configuration[keyPath: field] = try parse(text) }
  }

  /// The variable that names a file with the value; nil for what is no secret.
  var fileVariable: String? { isSecret ? variable + "_FILE" : nil }

  var isSwitch: Bool { form == nil && option != nil }

  /// - Throws: `UsageError`, never with a secret.
  func apply(_ text: SettingText, to configuration: inout Configuration) throws(UsageError) {
    do {
      try store(text, &configuration)
    } catch let error as UsageError {
      throw error
    } catch {
      throw UsageError("\(text.name): \(error)")
    }
  }
}

/// A value as it was given, with the name that it was given by.
struct SettingText: Sendable {
  let name: String
  let text: String

  /// A whole number in a range.
  func number(in range: ClosedRange<Int>) throws(UsageError) -> Int {
    guard let number = Int(text), range.contains(number) else {
      throw UsageError("\(name) takes a whole number from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
    }
    return number
  }

  func isOn() throws(UsageError) -> Bool {
    switch text {
    case "1", "true": return true
    case "0", "false": return false
    default: throw UsageError("\(name) is 1 or 0, not '\(text)'")
    }
  }
}

extension Setting {
  /// A text that is taken as it is.
  static func text(
    _ option: String?, _ form: String? = nil, _ variable: String, _ field: any WritableKeyPath<Configuration, String?> & Sendable,
    standard: String = "", _ meaning: String, isSecret: Bool = false
  ) -> Setting {
    Setting(option, form, variable, field, standard: standard, meaning, isSecret: isSecret) { $0.text }
  }

  /// A text with a value of its own where none is given.
  static func text(
    _ option: String, _ form: String, _ variable: String, _ field: any WritableKeyPath<Configuration, String> & Sendable, _ meaning: String
  ) -> Setting {
    Setting(option, form, variable, field, standard: "`\(Configuration.standard[keyPath: field])`", meaning) { $0.text }
  }

  /// A whole number in a range.
  static func number(
    _ option: String, _ variable: String, _ field: any WritableKeyPath<Configuration, Int> & Sendable, in range: ClosedRange<Int>,
    _ meaning: String
  ) -> Setting {
    Setting(option, "N", variable, field, standard: "`\(Configuration.standard[keyPath: field])`", meaning) { try $0.number(in: range) }
  }
}
