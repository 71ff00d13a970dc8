import Foundation

/// A value as codecs left it. Where it lies must be JSON, so it is an object of the shape that Temporal's payloads have:
/// `{"metadata":{"encoding":"orchestrator/encoded","codecs":"deflate,aes-256-gcm","key":"2026-02"},"data":"…"}`, the bytes in base64.
struct PayloadEnvelope: Sendable, Equatable {
  static let encoding = "orchestrator/encoded"
  /// About what it adds to the bytes.
  static let overheadBytes = 96

  /// Names in the order in which they encoded.
  var codecs: [String]
  var keyID: String?
  /// Bound to a namespace alone.
  var isUnbound = false
  var data: [UInt8]

  init(codecs: [String], keyID: String?, isUnbound: Bool, data: [UInt8]) {
    self.codecs = codecs
    self.keyID = keyID
    self.isUnbound = isUnbound
    self.data = data
  }

  /// Nil for a value that is none.
  /// - Throws: `CodecError.damagedEnvelope` for one that says it is an envelope and cannot be read as one.
  init?(_ payload: Payload) throws {
    guard let (reader, metadata) = Self.metadata(of: payload, encoding: Self.encoding) else { return nil }
    guard let names = metadata.text("codecs"), let text = reader.text("data"), text.utf8.count <= 2 * Limits.payloadBytes,
      let data = Data(base64Encoded: text)
    else { throw CodecError.damagedEnvelope }
    codecs = names.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard (1...Self.codecLimit).contains(codecs.count) else { throw CodecError.damagedEnvelope }
    keyID = metadata.text("key")
    isUnbound = metadata.text("scope") == "namespace"
    self.data = [UInt8](data)
  }

  private static let codecLimit = 8
  private static let marker = Array(encoding.utf8)

  /// Whether a value says that it is an envelope.
  static func isOne(_ payload: Payload) -> Bool { metadata(of: payload, encoding: encoding) != nil }

  /// Whether bytes may hold one anywhere: most histories are read without looking closer.
  static func mayStand(in bytes: [UInt8]) -> Bool { mayHold(marker, in: bytes) }

  static func mayHold(_ marker: [UInt8], in bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBufferPointer { bytes in
      var index = 0
      while index + marker.count <= bytes.count {
        if bytes[index] == marker[0], bytes[index..<(index + marker.count)].elementsEqual(marker) { return true }
        index += 1
      }
      return false
    }
  }

  /// The parts of an object that says that it has this encoding.
  static func metadata(of payload: Payload, encoding: String) -> (AttributesReader, AttributesReader)? {
    guard mayBeOne(payload.bytes), let reader = try? AttributesReader(payload.bytes), let inner = reader.payload("metadata"),
      let metadata = try? AttributesReader(inner.bytes), metadata.text("encoding") == encoding
    else { return nil }
    return (reader, metadata)
  }

  /// Asked of every value that is decoded, so a look at a few bytes must do for nearly all. PostgreSQL's jsonb puts `data` first.
  private static func mayBeOne(_ bytes: [UInt8]) -> Bool {
    guard bytes.count > 40, bytes[0] == UInt8(ascii: "{"), bytes[1] == UInt8(ascii: "\"") else { return false }
    return (bytes[2] == UInt8(ascii: "m") && bytes[3] == UInt8(ascii: "e"))
      || (bytes[2] == UInt8(ascii: "d") && bytes[3] == UInt8(ascii: "a"))
  }

  /// How a value lies there that is not itself; nil for every other.
  static func summary(of payload: Payload) -> String? {
    guard mayBeOne(payload.bytes) else { return nil }
    if let reference = LargeValueReference(payload) { return reference.summary }
    guard isOne(payload) else { return nil }
    return (try? PayloadEnvelope(payload))?.summary ?? "<in a damaged envelope>"
  }

  var payload: Payload {
    var metadata = AttributesWriter()
    metadata.field("encoding", Self.encoding)
    metadata.field("codecs", codecs.joined(separator: ","))
    metadata.field("key", keyID)
    metadata.field("scope", isUnbound ? "namespace" : nil)
    var envelope = AttributesWriter(capacity: data.count * 4 / 3 + 2 * Self.overheadBytes)
    envelope.field("metadata", Payload(json: metadata.finish()))
    envelope.field("data", Data(data).base64EncodedString())
    return Payload(json: envelope.finish())
  }

  /// Who could read it, for those who can't.
  var summary: String {
    let how = keyID.map { "encrypted with key '\($0)'" } ?? "encoded by \(codecs.joined(separator: ", "))"
    return "<\(how), \(data.count) bytes>"
  }
}
