import Foundation
import Testing

/// The inputs that the fuzzers keep, tried again without a fuzzer.
@Suite struct CorpusTests {
  @Test(arguments: FuzzTarget.all)
  func `every input that was ever found keeps the properties of its parser`(_ target: FuzzTarget) async throws {
    let inputs = try Corpus.inputs(of: target.name)
    #expect(!inputs.isEmpty, "Tests/FuzzTests/Corpora/\(target.name) has no inputs: fuzzing would begin from nothing")
    for (file, bytes) in inputs {
      do { try await target.check(bytes) } catch { Issue.record("\(target.name)/\(file): \(error)") }
    }
  }

  @Test func `every folder of inputs belongs to a fuzz target, and no two targets share a name`() throws {
    let names = FuzzTarget.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(try Set(Corpus.folders()) == Set(names))
  }
}

/// Tests/FuzzTests/Corpora: a folder for each target, a file for each input.
private enum Corpus {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Corpora").path

  static func folders() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: root) }

  static func inputs(of target: String) throws -> [(file: String, bytes: [UInt8])] {
    try FileManager.default.contentsOfDirectory(atPath: "\(root)/\(target)").sorted().map { file in
      (file, [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(root)/\(target)/\(file)"))))
    }
  }
}
