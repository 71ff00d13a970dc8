import Foundation
import TestSupport
import Testing

@testable import Activities

@Suite struct ScratchFoldersTests {
  let scratch: Scratch
  let folders: ScratchFolders

  init() throws {
    scratch = try Scratch()
    folders = try ScratchFolders(root: scratch.file("work"))
  }

  private func entries() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: scratch.file("work")) }

  @Test func `a folder is empty, private to its attempt, and gone afterwards`() async throws {
    let seen = try await folders.withFolder { path in
      let entries = try FileManager.default.contentsOfDirectory(atPath: path)
      #expect(entries.isEmpty)
      try Data([1]).write(to: URL(filePath: path + "/file"))
      return path
    }
    let next = try await folders.withFolder { $0 }
    #expect(seen != next)
    #expect(try entries() == [])
  }

  @Test func `a folder goes too when the step fails or is cancelled`() async throws {
    struct Broken: Error {}
    await #expect(throws: Broken.self) { try await folders.withFolder { _ in throw Broken() } }
    let task = Task {
      try await folders.withFolder { path in
        try await Subprocess("/bin/sh", ["-c", "echo > file; sleep 600"], in: path).run()
      }
    }
    try await eventually("the folder is there") { (try? entries().isEmpty) == false }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(try entries() == [])
  }

  @Test func `a sweep takes what a killed process left and nothing newer`() async throws {
    for name in ["old", "new"] {
      try FileManager.default.createDirectory(atPath: scratch.file("work/\(name)/inner"), withIntermediateDirectories: true)
    }
    try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -7200)], ofItemAtPath: scratch.file("work/old"))
    #expect(try await folders.sweep(olderThan: .seconds(3600)) == 1)
    #expect(try entries() == ["new"])
  }
}
