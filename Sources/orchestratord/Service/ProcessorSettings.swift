import Activities
import Cryptography
import Foundation
import HTTP
import Orchestrator

/// The external processors of a configuration, and where they reach this service.
struct ProcessorSettings: Sendable {
  static let mostProcessors = 50

  let processors: [ExternalProcessor]
  /// Without a slash at its end.
  let publicURL: String

  private struct File: Decodable {
    struct Entry: Decodable {
      enum Addresses: String, Decodable, CaseIterable { case `public`, loopback, any }

      let type: String
      let url: String
      let secret: String
      let timeoutSeconds: Int?
      let pollSeconds: Int?
      let resultMegabytes: Int?
      let addresses: Addresses?
    }

    let processors: [Entry]
  }

  /// - Parameters:
  ///   - file: path of the JSON file that names them, with their secrets.
  ///   - publicURL: where they reach this service.
  /// - Throws: `UsageError`, never with a secret.
  init(file: String, publicURL: String?) throws(UsageError) {
    guard let publicURL, publicURL.hasPrefix("https://") || publicURL.hasPrefix("http://") else {
      throw UsageError(
        "with ORCHESTRATOR_PROCESSORS set ORCHESTRATOR_PUBLIC_URL: the http or https URL under which processors reach this service")
    }
    self.publicURL = publicURL.hasSuffix("/") ? String(publicURL.dropLast()) : publicURL
    guard let data = FileManager.default.contents(atPath: file), data.count <= 1 << 20 else {
      throw UsageError("ORCHESTRATOR_PROCESSORS names \(file), which is no readable file of at most 1 MiB")
    }
    guard let parsed = try? JSONDecoder().decode(File.self, from: data), parsed.processors.count <= Self.mostProcessors else {
      throw UsageError(
        "\(file) is not {\"processors\": [{\"type\", \"url\", \"secret\", ...}]} with at most \(Self.mostProcessors) entries: docs/operating.md shows one"
      )
    }
    var processors: [ExternalProcessor] = []
    for (index, entry) in parsed.processors.enumerated() {
      guard !processors.contains(where: { $0.type == entry.type }) else {
        throw UsageError("entry \(index + 1) of \(file) has the type \(entry.type), which an earlier one has")
      }
      processors.append(try Self.processor(entry, "entry \(index + 1) of \(file)"))
    }
    self.processors = processors
  }

  private static func processor(_ entry: File.Entry, _ place: String) throws(UsageError) -> ExternalProcessor {
    guard entry.type.wholeMatch(of: /[a-z][a-z0-9-]{0,39}/) != nil, !JobTypes.localNames.contains(entry.type) else {
      throw UsageError(
        "\(place): a type is a word of lower-case letters, digits and hyphens, and none of \(JobTypes.localNames.joined(separator: ", "))")
    }
    guard entry.url.hasPrefix("https://") || entry.url.hasPrefix("http://") else {
      throw UsageError("\(place): the url must be http or https")
    }
    guard let secret = WebhookSecret(entry.secret) else {
      throw UsageError("\(place): the secret must be whsec_ and the base64 of 24 to 64 bytes")
    }
    var processor = ExternalProcessor(type: entry.type, url: entry.url, secret: secret)
    processor.timeout = .seconds(try number(entry.timeoutSeconds ?? 3600, in: 1...604_800, "timeoutSeconds", place))
    processor.pollEvery = .seconds(try number(entry.pollSeconds ?? 10, in: 1...3600, "pollSeconds", place))
    processor.resultBytes = try number(entry.resultMegabytes ?? 1024, in: 1...4096, "resultMegabytes", place) << 20
    processor.addressPolicy =
      switch entry.addresses ?? .public {
      case .public: .publicOnly
      case .loopback: .publicOrLoopback
      case .any: .unrestricted
      }
    return processor
  }

  private static func number(_ value: Int, in range: ClosedRange<Int>, _ name: String, _ place: String) throws(UsageError) -> Int {
    guard range.contains(value) else { throw UsageError("\(place): \(name) must be \(range.lowerBound) to \(range.upperBound)") }
    return value
  }
}
