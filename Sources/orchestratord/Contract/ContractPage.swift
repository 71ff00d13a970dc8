import Foundation

/// The description of the API as one page: an operation opens by a click or a key, nothing of it is a script.
struct ContractPage {
  private typealias Operation = ContractDocument.Operation

  private let contract: ContractDocument
  private let schemas = SchemaText()

  init(_ contract: ContractDocument) { self.contract = contract }

  var html: String {
    let info = contract.fields["info"] as? [String: Any] ?? [:]
    let title = Self.escaped(info["title"] as? String ?? "API")
    let tags = (contract.fields["tags"] as? [[String: Any]] ?? []).map { ($0["name"] as? String ?? "", $0["description"] as? String ?? "") }
    let links = tags.map { "<a href=\"#\(Self.anchor($0.0))\">\(Self.escaped($0.0))</a>" } + ["<a href=\"#schemas\">Schemas</a>"]
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(title): API</title><link rel="stylesheet" href="/api/v1/docs/style.css"></head><body>
      <a class="skip" href="#content">To the operations</a>
      <header><h1>\(title)</h1><p>\(Self.escaped(info["summary"] as? String ?? "")) <a href="/api/v1/openapi.json">openapi.json</a></p>
      <nav aria-label="Areas">\(links.joined(separator: " "))</nav></header>
      <main id="content">
      \(tags.map(section).joined(separator: "\n"))
      \(schemaSection)
      </main></body></html>

      """
  }

  private func section(_ tag: (name: String, description: String)) -> String {
    let own = contract.operations.filter { $0.tag == tag.name && $0.method != .options }
    return """
      <section aria-labelledby="\(Self.anchor(tag.name))"><h2 id="\(Self.anchor(tag.name))">\(Self.escaped(tag.name))</h2>
      <p>\(Self.text(tag.description))</p>
      \(own.map(entry).joined(separator: "\n"))
      </section>
      """
  }

  private func entry(_ operation: Operation) -> String {
    let name = Self.escaped(operation.fields["operationId"] as? String ?? "")
    return """
      <details><summary><code class="method \(operation.method.rawValue.lowercased())">\(operation.method.rawValue)</code> \
      <code>\(Self.escaped(operation.path))</code> <span>\(Self.text(operation.fields["summary"] as? String ?? ""))</span></summary>
      <div id="\(name)"><p>For: \(roles(operation))</p>\(parameters(operation))\(body(operation))\(responses(operation))</div></details>
      """
  }

  private func roles(_ operation: Operation) -> String {
    switch operation.audience {
    case .nobody: "everybody, without a token"
    case .any: "every user"
    case .roles(let roles): roles.map(\.rawValue).sorted().joined(separator: ", ")
    }
  }

  private func parameters(_ operation: Operation) -> String {
    let parameters = (operation.fields["parameters"] as? [[String: Any]] ?? []).map(contract.resolved)
    guard !parameters.isEmpty else { return "" }
    let rows = parameters.map { parameter in
      let isRequired = parameter["required"] as? Bool == true
      return """
        <tr><th scope="row"><code>\(Self.escaped(parameter["name"] as? String ?? ""))</code></th>\
        <td>\(Self.escaped(parameter["in"] as? String ?? ""))\(isRequired ? ", required" : "")</td>\
        <td>\(schemas.line(parameter["schema"]))</td><td>\(Self.text(parameter["description"] as? String ?? ""))</td></tr>
        """
    }
    return """
      <table><caption>Parameters</caption><thead><tr><th scope="col">name</th><th scope="col">in</th><th scope="col">type</th>\
      <th scope="col">what</th></tr></thead><tbody>\(rows.joined())</tbody></table>
      """
  }

  private func body(_ operation: Operation) -> String {
    guard let body = operation.fields["requestBody"] as? [String: Any] else { return "" }
    let isRequired = body["required"] as? Bool == true
    return "<h3>Body\(isRequired ? "" : ", may be left out")</h3>" + content(body)
  }

  private func responses(_ operation: Operation) -> String {
    let responses = (operation.fields["responses"] as? [String: [String: Any]] ?? [:]).sorted { $0.key < $1.key }
    let rows = responses.map { status, response in
      let response = contract.resolved(response)
      return "<dt>\(Self.escaped(status))</dt><dd>\(Self.text(response["description"] as? String ?? ""))\(content(response))</dd>"
    }
    return "<h3>Answers</h3><dl>\(rows.joined())</dl>"
  }

  private func content(_ part: [String: Any]) -> String {
    (part["content"] as? [String: [String: Any]] ?? [:]).sorted { $0.key < $1.key }.map { type, media in
      "<div class=\"content\"><code>\(Self.escaped(type))</code> \(schemas.block(media["schema"]))</div>"
    }.joined()
  }

  private var schemaSection: String {
    let all = (contract.fields["components"] as? [String: Any])?["schemas"] as? [String: Any] ?? [:]
    let entries = all.sorted { $0.key < $1.key }.map { name, schema in
      "<details><summary><code>\(Self.escaped(name))</code></summary><div id=\"schema-\(Self.escaped(name))\">\(schemas.block(schema))</div></details>"
    }
    return "<section aria-labelledby=\"schemas\"><h2 id=\"schemas\">Schemas</h2>\(entries.joined(separator: "\n"))</section>"
  }

  private static func anchor(_ name: String) -> String { "area-" + escaped(name.lowercased()) }
}

extension ContractPage {
  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
  }

  /// Escaped, with what stands between backticks as code.
  static func text(_ text: String) -> String {
    escaped(text).replacing(/`([^`]*)`/) { "<code>\($0.1)</code>" }
  }
}
