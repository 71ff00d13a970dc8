import Orchestrator

extension Configuration {
  /// What settings have to do with each other; each completes the configuration, or throws what to change.
  static let rules: [@Sendable (inout Configuration) throws -> Void] = [
    lyricsHaveKey, issuerIsWhole, codecIsWhole, bucketIsWhole, processorsAreWhole,
  ]

  @Sendable private static func lyricsHaveKey(_ configuration: inout Configuration) throws {
    guard configuration.lyricsURL != nil, configuration.lyricsKey == nil else { return }
    throw UsageError("a lyrics URL needs its key in the environment variable GEMINI_API_KEY")
  }

  @Sendable private static func processorsAreWhole(_ configuration: inout Configuration) throws {
    guard let file = configuration.processorsFile, !file.isEmpty else { return }
    configuration.processors = try ProcessorSettings(file: file, publicURL: configuration.storage.publicURL)
  }

  @Sendable private static func issuerIsWhole(_ configuration: inout Configuration) throws {
    let (issuer, audience) = (configuration.issuer, configuration.audience)
    guard let keys = configuration.issuerKeys, !keys.isEmpty else {
      guard issuer ?? audience ?? configuration.rolesClaim == nil else {
        throw UsageError("to take tokens of an issuer, name its keys too: ORCHESTRATOR_JWKS")
      }
      return
    }
    guard let issuer, let audience, !issuer.isEmpty, !audience.isEmpty else {
      throw UsageError(
        "with ORCHESTRATOR_JWKS set ORCHESTRATOR_JWT_ISSUER and ORCHESTRATOR_JWT_AUDIENCE: the iss and aud of the tokens to take")
    }
    guard issuer != OwnTokens.issuer else { throw UsageError("the issuer '\(issuer)' is this service itself") }
    if keys.contains("://"), !keys.hasPrefix("https://"), !keys.hasPrefix("http://") {
      throw UsageError("ORCHESTRATOR_JWKS is a file or an http or https URL, not '\(keys)'")
    }
    configuration.tokenIssuer = TokenIssuerSettings(
      keys: keys, issuer: issuer, audience: audience, rolesClaim: configuration.rolesClaim ?? TokenClaims.rolesClaim)
  }

  /// Values are compressed and encrypted once there is a key ring.
  @Sendable private static func codecIsWhole(_ configuration: inout Configuration) throws {
    guard let file = configuration.keyRing, !file.isEmpty else {
      guard !configuration.encryptsFailures else { throw UsageError("to encrypt messages of failures, name a key ring too") }
      return
    }
    configuration.codec = CodecChain(
      [CompressionCodec(), EncryptionCodec(try KeyRing(file: file))], encodesFailureMessages: configuration.encryptsFailures)
  }
}
