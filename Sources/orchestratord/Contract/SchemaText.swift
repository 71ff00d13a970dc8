import Foundation

/// A JSON schema as people read it.
struct SchemaText {
  /// In a line: `string (uuid), at most 255 characters`.
  func line(_ schema: Any?) -> String {
    guard let schema = schema as? [String: Any], !schema.isEmpty else { return "any JSON" }
    if let reference = schema["$ref"] as? String {
      let name = ContractPage.escaped(String(reference.split(separator: "/").last ?? ""))
      return "<a href=\"#schema-\(name)\">\(name)</a>"
    }
    for (key, word) in [("allOf", " and "), ("anyOf", " or "), ("oneOf", " or ")] {
      if let parts = schema[key] as? [Any] { return parts.map { line($0) }.joined(separator: word) }
    }
    if let values = schema["enum"] as? [Any] {
      return values.map { "<code>\(ContractPage.escaped("\($0)"))</code>" }.joined(separator: ", ")
    }
    if let value = schema["const"] { return "<code>\(ContractPage.escaped("\(value)"))</code>" }
    let types = schema["type"] as? [String] ?? (schema["type"] as? String).map { [$0] } ?? []
    var text = types.isEmpty ? "any JSON" : types.joined(separator: " or ")
    if types.contains("array") { text = text.replacing("array", with: "list of \(line(schema["items"]))") }
    if let format = schema["format"] as? String { text += " (\(ContractPage.escaped(format)))" }
    return text + limits(schema)
  }

  private func limits(_ schema: [String: Any]) -> String {
    let words = [
      ("minimum", "from "), ("exclusiveMinimum", "above "), ("maximum", "to "), ("minLength", "at least "), ("maxLength", "at most "),
      ("minItems", "at least "), ("maxItems", "at most "), ("default", "by default "),
    ]
    return words.compactMap { key, word in
      guard let value = schema[key] else { return nil }
      let unit = key.hasSuffix("Length") ? " characters" : key.hasSuffix("Items") ? " entries" : ""
      return ", \(word)\(ContractPage.escaped(key == "default" ? "\(value)" : Self.number(value)))\(unit)"
    }.joined()
  }

  private static func number(_ value: Any) -> String { (value as? NSNumber)?.stringValue ?? "\(value)" }

  /// With the fields of an object in a table.
  func block(_ schema: Any?) -> String {
    guard let schema = schema as? [String: Any] else { return line(schema) }
    if let parts = schema["allOf"] as? [Any] { return parts.map { block($0) }.joined() }
    guard let properties = schema["properties"] as? [String: Any], !properties.isEmpty else { return line(schema) }
    let required = Set(schema["required"] as? [String] ?? [])
    let rows = properties.sorted { (required.contains($0.key) ? 0 : 1, $0.key) < (required.contains($1.key) ? 0 : 1, $1.key) }
      .map { name, value in
        let description = (value as? [String: Any])?["description"] as? String ?? ""
        let isNested = (value as? [String: Any])?["properties"] != nil
        return """
          <tr><th scope="row"><code>\(ContractPage.escaped(name))</code></th><td>\(required.contains(name) ? "required" : "")</td>\
          <td>\(isNested ? block(value) : line(value))</td><td>\(ContractPage.text(description))</td></tr>
          """
      }
    return """
      <table><thead><tr><th scope="col">field</th><th scope="col"></th><th scope="col">type</th><th scope="col">what</th></tr></thead>\
      <tbody>\(rows.joined())</tbody></table>
      """
  }
}
