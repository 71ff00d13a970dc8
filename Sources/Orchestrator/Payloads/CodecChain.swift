/// The codecs of a process, in the order in which they encode; they decode in the opposite one. The same chain is given to every engine, client and
/// worker of a database. Values that were written without codecs stay readable.
///
///     let chain = CodecChain([CompressionCodec(), EncryptionCodec(try KeyRing(file: "/etc/orchestrator/keys"))])
public struct CodecChain: Sendable {
  private let codecs: [any ByteCodec]
  /// Whether messages and stack traces of failures are encoded too; default false: operators read them. Details of failures always are.
  public var encodesFailureMessages: Bool

  public init(_ codecs: [any ByteCodec], encodesFailureMessages: Bool = false) {
    self.codecs = codecs
    self.encodesFailureMessages = encodesFailureMessages
  }

  /// The value as it is to be stored. One that is an envelope already stays what it is.
  /// - Parameter workflowID: to whom the value belongs; nil for all workflows of the namespace.
  /// - Throws: what a codec throws.
  public func encode(_ payload: Payload, namespace: String, workflowID: String?) throws -> Payload {
    if PayloadEnvelope.isOne(payload) { return payload }
    let context = CodecContext(namespace: namespace, workflowID: workflowID)
    var envelope = PayloadEnvelope(codecs: [], keyID: nil, isUnbound: workflowID == nil, data: payload.bytes)
    for codec in codecs {
      guard let encoded = try codec.encode(envelope.data, context.following(envelope.codecs)) else { continue }
      envelope.codecs.append(codec.name)
      envelope.data = encoded.bytes
      envelope.keyID = encoded.keyID ?? envelope.keyID
    }
    return envelope.codecs.isEmpty ? payload : envelope.payload
  }

  func encode(_ payload: Payload, _ key: WorkflowKey) throws -> Payload {
    try encode(payload, namespace: key.namespace, workflowID: key.workflowID)
  }

  /// The value that was stored; one that is no envelope is that already.
  /// - Throws: ``CodecError``, what a codec throws.
  public func decode(_ payload: Payload, namespace: String, workflowID: String?) throws -> Payload {
    guard let envelope = try PayloadEnvelope(payload) else { return payload }
    let context = CodecContext(namespace: namespace, workflowID: envelope.isUnbound ? nil : workflowID)
    var bytes = envelope.data
    for (index, name) in envelope.codecs.enumerated().reversed() {
      guard let codec = codecs.first(where: { $0.name == name }) else { throw CodecError.unknownCodec(name) }
      let encoded = EncodedBytes(bytes, keyID: envelope.keyID)
      bytes = try codec.decode(encoded, context.following(Array(envelope.codecs.prefix(index))))
    }
    guard bytes.count <= Limits.payloadBytes else { throw CodecError.tooLarge(limit: Limits.payloadBytes) }
    // It becomes a part of JSON: whatever was forged must not become more than one value of it.
    guard JSONGrammar.accepts(bytes) else { throw CodecError.damagedEnvelope }
    return Payload(json: bytes)
  }

  func decode(_ payload: Payload, _ key: WorkflowKey) throws -> Payload {
    try decode(payload, namespace: key.namespace, workflowID: key.workflowID)
  }
}
