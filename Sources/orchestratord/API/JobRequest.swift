import Activities
import Cryptography
import HTTP
import Orchestrator
import Workflows

/// The body of `POST /api/v1/jobs`.
struct JobRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case type, assetId, inputVersion, inputKind, priority, parameters }

  /// Bytes of the whole body.
  static let largestBody = 64 << 10

  let type: String
  let assetID: String
  let inputVersion: Int32?
  let inputKind: String?
  let priority: Int
  let parameters: Payload?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    type = try fields.decode(String.self, forKey: .type)
    assetID = try fields.decode(String.self, forKey: .assetId)
    inputVersion = try fields.decodeIfPresent(Int32.self, forKey: .inputVersion)
    inputKind = try fields.decodeIfPresent(String.self, forKey: .inputKind)
    priority = try fields.decodeIfPresent(Int.self, forKey: .priority) ?? ProcessAsset.usualPriority
    parameters = try fields.decodeIfPresent(Payload.self, forKey: .parameters)
  }

  /// - Throws: `APIProblem` or `JobParameterError`, both answered with 422.
  func job(by user: String, _ types: JobTypes, key: IdempotencyKey?) throws -> NewJob {
    guard let asset = AssetID(assetID) else { throw APIProblem.invalidField("assetId", "must be a UUID") }
    guard let checked = try types.parameters(of: type, parameters) else {
      throw APIProblem.invalidField("type", "must be one of \(types.names.joined(separator: ", "))")
    }
    guard 1...5 ~= priority else { throw APIProblem.invalidField("priority", "must be 1 to 5; 1 is done first") }
    guard inputVersion ?? 1 >= 1 else { throw APIProblem.invalidField("inputVersion", "must be 1 or more") }
    guard inputKind.map(AssetFile.isKind) ?? true else {
      throw APIProblem.invalidField("inputKind", "must be a kind of file, such as source")
    }
    let said = [type, assetID, inputVersion.map(String.init) ?? "", inputKind ?? "", String(priority), checked.text].joined(separator: "\n")
    return NewJob(
      assetID: asset, type: type, inputVersion: inputVersion, inputKind: inputKind, priority: Int16(priority), parameters: checked,
      requestedBy: user, idempotency: key.map { ($0.text, Digest.sha256(said.utf8)) })
  }
}
