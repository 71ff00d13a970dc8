import Orchestrator

/// `orchestratord search-attribute ...`: what runs can be found by beside the fields of every run.
struct SearchAttributeCommand {
  let session: OperatorSession

  static let help = """
    orchestratord search-attribute add NAME \(SearchAttributeType.allCases.map(\.rawValue).joined(separator: "|"))
    orchestratord search-attribute list [--json]
    """

  static func run(_ arguments: inout Arguments) async throws {
    try await OperatorSession.run(&arguments) { try await SearchAttributeCommand(session: $0).run(&$1) }
  }

  func run(_ arguments: inout Arguments) async throws {
    switch try arguments.positional() {
    case "add": try await add(&arguments)
    case "list": try await list(&arguments)
    case let word: throw UsageError("\(word.map { "there is no 'search-attribute \($0)'" } ?? "say what to do"):\n\(Self.help)")
    }
  }

  private func add(_ arguments: inout Arguments) async throws {
    let name = try arguments.required("the name")
    let text = try arguments.required("the type")
    try arguments.finish()
    guard let type = SearchAttributeType.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
      throw UsageError("the type is one of \(SearchAttributeType.allCases.map(\.rawValue).joined(separator: ", ")), not '\(text)'")
    }
    try await session.client.addSearchAttribute(name, type)
    session.output.line("\(name): \(type.rawValue)")
  }

  private func list(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    try arguments.finish()
    let attributes = try await session.client.searchAttributes()
    if isJSON { return try session.output.json(Listing(items: attributes, nextCursor: nil)) }
    if attributes.isEmpty { return session.output.line("no search attributes") }
    var table = TerminalTable("NAME", "TYPE")
    for attribute in attributes { table.add(.init(attribute.name), .init(attribute.type.rawValue)) }
    session.output.table(table)
  }
}
