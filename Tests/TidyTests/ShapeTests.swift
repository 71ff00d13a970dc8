import Foundation
import Testing

/// What a file may look like from outside: its size, its name, its blanks.
@Suite struct ShapeTests {
  static let fileLinesMaximum = 400
  static let functionLinesMaximum = 70

  @Test("No Swift file is longer than 400 lines")
  func fileLength() {
    report(Repository.swiftFiles.flatMap(Self.tooLong))
  }

  @Test("No function is longer than 70 lines")
  func functionLength() {
    report(Repository.swiftFiles.flatMap(Self.tooLongFunctions))
  }

  @Test("No file is named after a vague role")
  func fileNames() {
    report(Repository.swiftFiles.flatMap(Self.vaguelyNamed))
  }

  @Test("File names are unique within a module")
  func uniqueNames() {
    report(Self.sameNames(Repository.swiftFiles))
  }

  @Test("No line ends in blanks or holds a tab, and every file ends with one newline")
  func blanks() {
    report(Repository.files.flatMap(Self.strayBlanks))
  }

  @Test("Nothing is left for later in words")
  func leftForLater() {
    report(Repository.files.flatMap(Self.marksOfUnfinishedWork))
  }

  @Test("Each rule of shape finds a file that breaks it")
  func rulesCanFail() {
    let long = SourceFile(path: "Sources/A/Long.swift", text: String(repeating: "let a = 1\n", count: 401))
    #expect(Self.tooLong(long).count == 1)
    let longest = SourceFile(path: "Sources/A/Longest.swift", text: String(repeating: "let a = 1\n", count: 400))
    #expect(Self.tooLong(longest).isEmpty)

    let body = String(repeating: "  work()\n", count: 69)
    let function = SourceFile(path: "Sources/A/F.swift", text: "func a() {\n\(body)}\nfunc b() {\n  a()\n}\n")
    #expect(Self.tooLongFunctions(function).map(\.line) == [1])

    let first = SourceFile(path: "Sources/A/X/Routes.swift", text: "")
    let second = SourceFile(path: "Sources/A/Y/Routes.swift", text: "")
    let elsewhere = SourceFile(path: "Sources/B/Routes.swift", text: "")
    #expect(Self.sameNames([first, second, elsewhere]).map(\.path) == [second.path])
    #expect(Self.vaguelyNamed(SourceFile(path: "Sources/A/PoolManager.swift", text: "")).count == 1)
    #expect(Self.vaguelyNamed(SourceFile(path: "Sources/A/CommonName.swift", text: "")).count == 1)
    #expect(Self.vaguelyNamed(SourceFile(path: "Sources/A/Uncommon.swift", text: "")).isEmpty)

    #expect(Self.strayBlanks(SourceFile(path: "a.sql", text: "select 1 \n\tselect 2\n")).map(\.line) == [1, 2])
    #expect(Self.strayBlanks(SourceFile(path: "a.sql", text: "select 1")).count == 1)
    #expect(Self.strayBlanks(SourceFile(path: "Makefile", text: "a:\n\tb\n")).isEmpty)
    #expect(Self.marksOfUnfinishedWork(SourceFile(path: "a.md", text: "# TO" + "DO\n")).count == 1)
    #expect(Self.marksOfUnfinishedWork(SourceFile(path: "a.md", text: "mktemp a.XXXXXX\n")).isEmpty)
  }

  private static func tooLong(_ file: SourceFile) -> [Finding] {
    let count = file.lines.count - 1
    guard count > fileLinesMaximum else { return [] }
    return [file.finding("\(count) lines, at most \(fileLinesMaximum): split it by idea, one file each")]
  }

  private static func tooLongFunctions(_ file: SourceFile) -> [Finding] {
    (file.swift?.functions ?? []).filter { $0.length > functionLinesMaximum }.map {
      file.finding(
        line: $0.firstLine,
        "'\($0.name)' has \($0.length) lines, at most \(functionLinesMaximum): let it read as named steps")
    }
  }

  private static func vaguelyNamed(_ file: SourceFile) -> [Finding] {
    guard let vague = file.name.firstMatch(of: /Manager|Helper|Util(?:s|ities|ity)?(?=[A-Z.+]|$)|Common(?=[A-Z.+]|$)/) else { return [] }
    return [file.finding("'\(vague.0)' says nothing: name the file after its role (Worker, Reader, Matcher, Limiter)")]
  }

  private static func sameNames(_ files: [SourceFile]) -> [Finding] {
    var seen: [String: String] = [:]
    return files.compactMap { file in
      guard let module = file.module else { return nil }
      let key = "\(module)/\(file.name)"
      defer { seen[key] = seen[key] ?? file.path }
      return seen[key].map { file.finding("\($0) has this name in the same module: say the room in both names") }
    }
  }

  private static func strayBlanks(_ file: SourceFile) -> [Finding] {
    let tabsIndent = file.name == "Makefile"
    var findings: [Finding] = []
    for (index, line) in file.lines.enumerated() {
      let afterIndent = tabsIndent ? line.drop { $0 == "\t" } : Substring(line)
      if afterIndent.contains("\t") { findings.append(file.finding(line: index + 1, "a tab: use spaces")) }
      if line.last?.isWhitespace == true { findings.append(file.finding(line: index + 1, "blanks at the end of the line: remove them")) }
    }
    let isEmpty = file.lines == [""]
    if !isEmpty, file.lines.last != "" || file.lines.suffix(2).first == "" {
      findings.append(file.finding(line: file.lines.count, "end the file with exactly one newline"))
    }
    return findings
  }

  private static func marksOfUnfinishedWork(_ file: SourceFile) -> [Finding] {
    let marks = ["TO" + "DO", "FIX" + "ME", "X" + "XX"]
    return file.lines.enumerated().flatMap { index, line in
      marks.filter { mark in
        line.contains(mark) && line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.contains { $0 == mark }
      }.map { file.finding(line: index + 1, "\($0): finish it, or file an issue and remove the mark") }
    }
  }
}
