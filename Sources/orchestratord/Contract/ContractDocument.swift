import Foundation
import HTTP

/// An OpenAPI document, taken apart as far as others ask.
struct ContractDocument {
  /// Whom an operation is for.
  enum Audience: Equatable {
    case nobody
    case any
    case roles(Set<Role>)
  }

  struct Operation {
    let method: HTTPMethod
    let path: String
    let fields: [String: Any]

    var tag: String { (fields["tags"] as? [String])?.first ?? "" }

    var audience: Audience {
      if let roles = fields["x-roles"] as? [String] { return .roles(Set(roles.compactMap(Role.init))) }
      return fields["x-roles"] as? String == "nobody" ? .nobody : .any
    }
  }

  let fields: [String: Any]

  /// What this build carries; docs/openapi has its parts.
  static var embedded: ContractDocument { ContractDocument(json: Array(EmbeddedContract.json.utf8)) }

  init(json: [UInt8]) {
    fields = (try? JSONSerialization.jsonObject(with: Data(json))) as? [String: Any] ?? [:]
  }

  /// By paths, and of each as people think of methods.
  var operations: [Operation] {
    let paths = fields["paths"] as? [String: [String: Any]] ?? [:]
    let order: [HTTPMethod] = [.get, .head, .post, .put, .patch, .delete, .options]
    return paths.sorted { $0.key < $1.key }.flatMap { path, item in
      order.compactMap { method in
        (item[method.rawValue.lowercased()] as? [String: Any]).map { Operation(method: method, path: path, fields: $0) }
      }
    }
  }

  /// What a `$ref` stands for; the part itself when it is none.
  func resolved(_ part: [String: Any]) -> [String: Any] {
    guard let reference = part["$ref"] as? String else { return part }
    var place: Any? = fields
    for name in reference.split(separator: "/").dropFirst() { place = (place as? [String: Any])?[String(name)] }
    return place as? [String: Any] ?? [:]
  }
}
