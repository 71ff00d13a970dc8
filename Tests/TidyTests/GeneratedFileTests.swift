import Foundation
import Testing

/// What tools write into the repository is what they would write today.
@Suite struct GeneratedFileTests {
  @Test("The migrations that the binary carries are those of the folder")
  func migrations() throws {
    let script = Process()
    let output = Pipe()
    script.executableURL = Repository.top.appending(path: "scripts/embed-migrations")
    script.standardOutput = output
    try script.run()
    let expected = output.fileHandleForReading.readDataToEndOfFile()
    script.waitUntilExit()
    let written = try Data(contentsOf: Repository.top.appending(path: "Sources/Orchestrator/Store/EmbeddedMigrations.swift"))
    #expect(script.terminationStatus == 0 && written == expected, "run `make migrations` and commit what it writes")
  }
}
