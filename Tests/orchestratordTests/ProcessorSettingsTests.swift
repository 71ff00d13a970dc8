import Foundation
import Testing

@testable import Activities
@testable import HTTP
@testable import orchestratord

@Suite struct ProcessorSettingsTests {
  private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

  private func settings(_ json: String, publicURL: String? = "https://music.example/") throws -> ProcessorSettings {
    let file = try TemporaryFile(json)
    return try withExtendedLifetime(file) { try ProcessorSettings(file: file.path, publicURL: publicURL) }
  }

  @Test func `Processors come from a file, with what was left out filled in`() throws {
    let json = #"""
      {"processors": [{"type": "stems", "url": "https://stems.example/jobs", "secret": "\#(Self.secret)", "timeoutSeconds": 60},
      {"type": "mood", "url": "http://10.0.0.7/", "secret": "\#(Self.secret)", "addresses": "any", "resultMegabytes": 2}]}
      """#
    let found = try settings(json)
    #expect(found.publicURL == "https://music.example")
    #expect(found.processors.map(\.type) == ["stems", "mood"])
    #expect(found.processors[0].timeout == .seconds(60) && found.processors[0].resultBytes == 1 << 30)
    guard case .publicOnly = found.processors[0].addressPolicy, case .unrestricted = found.processors[1].addressPolicy else {
      Issue.record("the addresses are others")
      return
    }
    #expect(found.processors[1].resultBytes == 2 << 20)
  }

  @Test(arguments: [
    "", "{}", #"{"processors": [{"type": "stems"}]}"#,
    #"{"processors": [{"type": "Stems", "url": "https://a", "secret": "S"}]}"#,
    #"{"processors": [{"type": "loudness", "url": "https://a", "secret": "S"}]}"#,
    #"{"processors": [{"type": "stems", "url": "ftp://a", "secret": "S"}]}"#,
    #"{"processors": [{"type": "stems", "url": "https://a", "secret": "short"}]}"#,
    #"{"processors": [{"type": "stems", "url": "https://a", "secret": "S", "timeoutSeconds": 0}]}"#,
    #"{"processors": [{"type": "a", "url": "https://a", "secret": "S"}, {"type": "a", "url": "https://a", "secret": "S"}]}"#,
  ])
  func `What cannot be used is refused, never with a secret`(json: String) throws {
    let error = #expect(throws: UsageError.self) { try settings(json.replacing(#""S""#, with: "\"\(Self.secret)\"")) }
    #expect(error?.description.contains("whsec_MfKQ") == false)
    #expect(throws: UsageError.self) { try settings(#"{"processors": []}"#, publicURL: nil) }
  }
}
