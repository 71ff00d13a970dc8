import Testing

/// Rules for the files around the code.
@Suite struct ProjectFileTests {
  @Test("Every target of the Makefile has a line of help and is declared phony")
  func makeTargets() throws {
    report(Self.unexplainedTargets(in: try Repository.file("Makefile")))
  }

  @Test("Migrations are numbered without gaps within each hundred, and say what they are for")
  func migrations() {
    report(Self.misnumbered(Repository.files.filter { $0.path.hasPrefix("Migrations/") }))
  }

  @Test("Every Debian package that a target needs is installed by make")
  func packages() throws {
    let manifest = try Repository.file("Package.swift")
    report(Self.uninstalledPackages(manifest, installer: try Repository.file("scripts/install-dependencies")))
  }

  @Test("An unexplained target and a gap between migrations are found")
  func rulesCanFail() {
    let text = ".PHONY: good other\ngood: ## Says what it does\nother:\n\tdo\nthird: ## Not phony\nVARIABLE := a\n"
    #expect(Self.unexplainedTargets(in: SourceFile(path: "Makefile", text: text)).map(\.line) == [3, 5])

    let installer = SourceFile(path: "scripts/install-dependencies", text: "libpq-dev | the database\n")
    let manifest = SourceFile(path: "Package.swift", text: "  system(\"A\", \"a\", \"libpq-dev\")\n  system(\"B\", \"b\", \"libb-dev\")\n")
    #expect(Self.uninstalledPackages(manifest, installer: installer).map(\.line) == [2])

    func findings(_ names: [String], text: String = "-- What it is for.\n") -> [String] {
      Self.misnumbered(names.map { SourceFile(path: "Migrations/\($0)", text: text) }).map(\.path)
    }
    #expect(findings(["0001_a.sql", "0002_b.sql", "0100_c.sql", "0101_d.sql"]).isEmpty)
    #expect(findings(["0001_a.sql", "0003_b.sql"]) == ["Migrations/0003_b.sql"])
    #expect(findings(["0001_a.sql", "0001_b.sql"]) == ["Migrations/0001_b.sql"])
    #expect(findings(["1_a.sql"]) == ["Migrations/1_a.sql"])
    #expect(findings(["0001_a.sql"], text: "select 1;\n") == ["Migrations/0001_a.sql"])
  }

  private static func unexplainedTargets(in file: SourceFile) -> [Finding] {
    let phony = Set(file.lines.filter { $0.hasPrefix(".PHONY:") }.flatMap { $0.split(separator: " ").dropFirst() })
    return file.lines.enumerated().compactMap { index, line in
      guard let target = line.firstMatch(of: /^([A-Za-z0-9_-]+):(?!=)/)?.1 else { return nil }
      if !line.contains(" ## ") { return file.finding(line: index + 1, "target '\(target)': say after '##' what it does") }
      if !phony.contains(target) { return file.finding(line: index + 1, "target '\(target)': add it to .PHONY") }
      return nil
    }
  }

  private static func uninstalledPackages(_ manifest: SourceFile, installer: SourceFile) -> [Finding] {
    let installed = Set(installer.lines.compactMap { $0.firstMatch(of: #/^(\S+) +\| /#).map { String($0.1) } })
    return (manifest.swift?.literals ?? []).filter { $0.text.contains(/^lib.+-dev$/) && !installed.contains($0.text) }.map {
      manifest.finding(line: $0.line, "package '\($0.text)': add it to scripts/install-dependencies, with its purpose")
    }
  }

  private static func misnumbered(_ files: [SourceFile]) -> [Finding] {
    var previous: Int?
    return files.filter { $0.path.hasSuffix(".sql") }.compactMap { file in
      guard let digits = file.name.firstMatch(of: /^(\d{4})_[a-z0-9_]+\.sql$/)?.1, let number = Int(digits) else {
        return file.finding("name it like 0001_history.sql: four digits, then what it makes")
      }
      defer { previous = number }
      guard let last = previous, number != last + 1 else { return uncommented(file) }
      guard number > last, number.isMultiple(of: 100) else {
        return file.finding("number \(digits) does not follow \(last): no gaps, no duplicates, a new part starts at a hundred")
      }
      return uncommented(file)
    }
  }

  private static func uncommented(_ file: SourceFile) -> Finding? {
    file.lines[0].hasPrefix("--") ? nil : file.finding(line: 1, "start with a comment that says what it is for")
  }
}
