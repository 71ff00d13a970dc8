import Activities
import HTTP
import Workflows

/// Takes uploads off the wire: `multipart/form-data` with a part `file`, or the bare file with its fields in the query.
///
/// Whatever goes wrong, nothing is left in staging.
struct UploadReceiver: Sendable {
  let store: any ObjectStore
  let limits: UploadLimits

  func receive(_ request: HTTPRequest, as id: TrackID) async throws -> ReceivedUpload {
    // Refused before the client sends the body: it waits for "100 Continue" or sees the answer early.
    if let length = request.body.declaredLength, length > UInt64(limits.fileBytes + limits.formBytes) { throw tooLarge }
    do {
      return Self.isForm(request) ? try await receiveForm(request, id) : try await receiveFile(request, id)
    } catch let error as ObjectStoreError where error.code == .tooLarge {
      throw tooLarge
    }
  }

  private static func isForm(_ request: HTTPRequest) -> Bool {
    request.headers["Content-Type"]?.lowercased().hasPrefix("multipart/") ?? false
  }

  /// The least that the file can have by what the request declares; nil when it declares nothing.
  static func fileBytes(of request: HTTPRequest, _ limits: UploadLimits) -> UInt64? {
    request.body.declaredLength.map { $0 - (isForm(request) ? min($0, UInt64(limits.formBytes)) : 0) }
  }

  private var tooLarge: APIProblem {
    APIProblem(
      .contentTooLarge, "upload-too-large", "The file is larger than the \(limits.fileBytes) bytes that are accepted.",
      extensions: ["limitBytes": .number(limits.fileBytes)])
  }

  private func receiveFile(_ request: HTTPRequest, _ id: TrackID) async throws -> ReceivedUpload {
    let fields = request.query.filter { $0.name != "filename" }.map { ($0.name, $0.value) }
    let form = try UploadForm(fields)
    let name = TrackTexts.fileName(request.queryValue("filename"))
    var file = try await open(id, declared: request.headers["Content-Type"], name: name)
    for try await chunk in request.body { try file.append(chunk) }
    return try await finish(&file, form, id)
  }

  private func receiveForm(_ request: HTTPRequest, _ id: TrackID) async throws -> ReceivedUpload {
    var parser = try MultipartParser(contentType: request.headers["Content-Type"])
    var reading = FormReading(limitBytes: limits.formBytes)
    var file: StagedFile?
    for try await chunk in request.body {
      for event in try parser.push(chunk) {
        if case .partBegin(let part) = event, part.name == "file" {
          guard file == nil else { throw APIProblem.invalid("repeated-field", "The field \"file\" came twice.") }
          file = try await open(id, declared: part.contentType, name: TrackTexts.fileName(part.fileName))
        }
        if let bytes = try reading.take(event) { try file?.append(bytes) }
      }
    }
    try parser.finish()
    guard var file else { throw APIProblem.invalid("file-missing", "The form has no part named \"file\".") }
    return try await finish(&file, UploadForm(reading.fields), id)
  }

  private func open(_ id: TrackID, declared: String?, name: String?) async throws -> StagedFile {
    let type = try MediaType(declared: declared, fileName: name)
    return try await StagedFile.begin(id, as: type, fileName: name, in: store, limitBytes: limits.fileBytes)
  }

  private func finish(_ file: inout StagedFile, _ form: UploadForm, _ id: TrackID) async throws -> ReceivedUpload {
    let digest = try await file.commit()
    let source = AudioSource(trackID: id, key: file.key.text, mediaType: file.type.rawValue, sizeBytes: Int64(file.size))
    return ReceivedUpload(source: source, fileName: file.fileName, sha256: digest, form: form)
  }
}

/// The text fields of a form as they come, bounded together.
private struct FormReading {
  let limitBytes: Int
  private(set) var fields: [(name: String, value: String)] = []
  private var current: String?
  private var bytes: [UInt8] = []
  private var total = 0

  init(limitBytes: Int) { self.limitBytes = limitBytes }

  /// Keeps what belongs to a text field and gives back the bytes of the file.
  mutating func take(_ event: MultipartParser.Event) throws -> [UInt8]? {
    switch event {
    case .partBegin(let part):
      current = part.name
      bytes = []
      if part.name != "file" { try UploadForm.check(part.name) }
    case .data(let data):
      if current == "file" { return data }
      total += data.count
      guard total <= limitBytes else {
        throw APIProblem(.contentTooLarge, "form-too-large", "The text fields have more than \(limitBytes) bytes together.")
      }
      bytes += data
    case .partEnd: try finishField()
    case .end: break
    }
    return nil
  }

  private mutating func finishField() throws {
    guard let name = current, name != "file" else { return }
    guard let value = String(validating: bytes, as: UTF8.self) else {
      throw APIProblem(.unprocessableContent, "invalid-value", "The field \"\(name)\" is not UTF-8.")
    }
    fields.append((name, value))
  }
}
