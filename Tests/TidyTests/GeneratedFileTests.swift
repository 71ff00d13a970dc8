import Foundation
import Testing

/// What tools write into the repository is what they would write today.
@Suite struct GeneratedFileTests {
  @Test(
    "What the binary carries is made of what stands in the repository",
    arguments: [
      ("scripts/embed-migrations", "Sources/Orchestrator/Store/EmbeddedMigrations.swift", "make migrations"),
      ("scripts/bundle-openapi", "Sources/orchestratord/Contract/EmbeddedContract.swift", "make openapi"),
    ])
  func generated(script: String, file: String, target: String) throws {
    let process = Process()
    let output = Pipe()
    process.executableURL = Repository.top.appending(path: script)
    process.standardOutput = output
    try process.run()
    let expected = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let written = try Data(contentsOf: Repository.top.appending(path: file))
    #expect(process.terminationStatus == 0 && written == expected, "run `\(target)` and commit what it writes")
  }
}
