import Foundation
import Testing

/// Commands that stand in documents below a line `<!-- run -->` are run, in order, against a new `orchestratord dev`.
@Suite(.serialized) struct CommandTests {
  static let documents = Project.documents.filter { path in
    ((try? Project.text(path)) ?? "").contains("<!-- run -->")
  }

  @Test("The commands of a document work when pasted", arguments: documents)
  func paste(_ document: String) async throws {
    let folder = try TemporaryFolder()
    let environment = [
      "PATH": "\(Project.programs):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")"
    ]
    let service = try RunningProgram(
      "\(Project.programs)/orchestratord", ["dev", "--port", "0"], environment: environment, in: folder.path)
    let port = try await service.said(/API +http:\/\/127\.0\.0\.1:([0-9]+)/, within: .seconds(120))
    let script = try Self.script(of: document).replacing("localhost:8080", with: "127.0.0.1:\(port)")
      .replacing("Clients/python", with: "\(Project.top)/Clients/python")
    let shell = try RunningProgram("/bin/bash", ["-c", "exec 2>&1\n" + script], environment: environment, in: folder.path)
    let status = try await shell.exitStatus(within: .seconds(180))
    #expect(status == 0, "\(document) ended with \(status) and said:\n\(shell.output)")
    service.stop()
    #expect(try await service.exitStatus(within: .seconds(60)) == 0)
  }

  @Test("Every operator's page is among them")
  func pages() {
    #expect(Set(Self.documents).isSuperset(of: ["README.md", "docs/operating.md"]))
  }

  /// One script per document: what an early block sets, a later one uses.
  private static func script(of document: String) throws -> String {
    let blocks = CodeBlock.all(in: try Project.text(document)).filter { $0.language == "sh" && $0.remark == "<!-- run -->" }
    return "set -euxo pipefail\n" + blocks.map(\.text).joined()
  }
}
