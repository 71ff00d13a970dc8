import Activities
import Cryptography
import Foundation
import HTTP

/// The words of tus 1.0.0 (https://tus.io/protocols/resumable-upload).
enum Tus {
  static let version = "1.0.0"
  static let extensions = "creation,creation-with-upload,expiration,checksum,termination"
  static let contentType = "application/offset+octet-stream"

  /// - Throws: `APIProblem` 412 unless the client speaks this version.
  static func requireVersion(_ request: HTTPRequest) throws {
    guard request.headers.values("Tus-Resumable") == [version] else {
      throw APIProblem(
        .preconditionFailed, "tus-version", "Send \"Tus-Resumable: \(version)\": this is the version that is spoken here.",
        headers: ["Tus-Version": version])
    }
  }

  /// A number of bytes in a header.
  /// - Throws: `APIProblem` 400 when it is missing or none.
  static func number(_ name: String, of request: HTTPRequest) throws -> Int64 {
    let values = request.headers.values(name)
    guard values.count == 1, let text = values.first, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text) else {
      throw APIProblem.invalid("invalid-upload-header", "Send one \(name) with a number of bytes.")
    }
    return number
  }

  /// Whether the body of the request is a part of a file.
  static func carriesPart(_ request: HTTPRequest) -> Bool {
    let name = request.headers["Content-Type"]?.split(separator: ";").first.map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
    return name == contentType
  }
}

/// The header `Upload-Metadata`: the fields that are a form's with other uploads, and the file's name and type.
struct UploadMetadata: Sendable {
  static let limitBytes = 32 << 10
  static let names = ["filename", "filetype"] + UploadForm.names

  /// As the client sent it.
  let text: String
  let fileName: String?
  let type: MediaType
  let form: UploadForm

  /// - Throws: `APIProblem` 400 for what cannot be read or is not known, 413 for too much, 422 for a bad value; `MediaError` for a bad type.
  init(_ values: [String]) throws {
    text = values.joined(separator: ",")
    guard text.utf8.count <= Self.limitBytes else {
      throw APIProblem(.contentTooLarge, "form-too-large", "Upload-Metadata has more than \(Self.limitBytes) bytes.")
    }
    var fields: [(name: String, value: String)] = []
    for pair in text.split(separator: ",") {
      let field = try Self.field(pair)
      guard !fields.contains(where: { $0.name == field.name }) else {
        throw APIProblem.invalid("repeated-field", "The field \"\(field.name)\" came twice.")
      }
      fields.append(field)
    }
    fileName = TrackTexts.fileName(fields.first { $0.name == "filename" }?.value)
    type = try MediaType(declared: fields.first { $0.name == "filetype" }?.value, fileName: fileName)
    form = try UploadForm(fields.filter { UploadForm.names.contains($0.name) })
  }

  /// A key and its value in Base64, with one space between them; without a value it is empty.
  private static func field(_ pair: Substring) throws -> (name: String, value: String) {
    let words = pair.trimmingCharacters(in: .whitespaces).split(separator: " ", omittingEmptySubsequences: false)
    guard (1...2).contains(words.count), let name = words.first.map(String.init), !name.isEmpty,
      let data = Data(base64Encoded: words.count == 2 ? String(words[1]) : "")
    else {
      throw APIProblem.invalid(
        "invalid-upload-header", "Upload-Metadata is a list of keys and values in Base64, \"key dmFsdWU=,key dmFsdWU=\".")
    }
    guard names.contains(name) else {
      throw APIProblem.invalid(
        "unknown-field", "The field \"\(name.prefix(100))\" is not known here; known are \(names.joined(separator: ", ")).")
    }
    guard let value = String(validating: data, as: UTF8.self) else {
      throw APIProblem(.unprocessableContent, "invalid-value", "The field \"\(name)\" is not UTF-8.")
    }
    return (name, value)
  }
}

/// The header `Upload-Checksum` of one request.
struct UploadChecksum: Sendable, Equatable {
  static let algorithms = DigestAlgorithm.allCases.map(\.rawValue).joined(separator: ",")

  let algorithm: DigestAlgorithm
  let digest: [UInt8]

  /// Nil without the header.
  /// - Throws: `APIProblem` 400 for an algorithm that is not known, or no digest of it.
  init?(of request: HTTPRequest) throws {
    let values = request.headers.values("Upload-Checksum")
    guard let value = values.first else { return nil }
    let words = value.split(separator: " ")
    guard values.count == 1, words.count == 2, let algorithm = DigestAlgorithm(rawValue: String(words[0])),
      let data = Data(base64Encoded: String(words[1])), data.count == algorithm.byteCount
    else {
      throw APIProblem.invalid(
        "invalid-upload-header", "Upload-Checksum is the name of an algorithm (\(Self.algorithms)) and the digest in Base64.")
    }
    self.algorithm = algorithm
    digest = [UInt8](data)
  }
}
