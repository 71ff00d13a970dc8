// swift-tools-version: 6.2
import PackageDescription

/// One line of imports: C libraries <- PostgreSQL, HTTP, Cryptography <- Orchestrator <- Workflows <- Activities <- orchestratord.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

func system(_ name: String, _ pkgConfig: String, _ package: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([package])])
}

/// A program of Examples/, with what it prints beside it.
func example(_ name: String, also dependencies: [Target.Dependency] = []) -> Target {
  .executableTarget(
    name: name, dependencies: ["ExampleSupport", "Orchestrator"] + dependencies, path: "Examples/\(name)", exclude: ["expected.txt"],
    swiftSettings: strict)
}

let package = Package(
  name: "orchestrator",
  products: [
    .library(name: "Orchestrator", targets: ["Orchestrator"]),
    .library(name: "OrchestratorTesting", targets: ["OrchestratorTesting"]),
    .executable(name: "orchestratord", targets: ["orchestratord"]),
  ],
  targets: [
    system("CPostgreSQL", "libpq", "libpq-dev"),
    system("CCurl", "libcurl", "libcurl4-openssl-dev"),
    system("COpenSSL", "openssl", "libssl-dev"),
    system("CCrypt", "libxcrypt", "libcrypt-dev"),
    system("CZlib", "zlib", "zlib1g-dev"),
    system("CMicroHTTPD", "libmicrohttpd", "libmicrohttpd-dev"),
    system("CMagic", "libmagic", "libmagic-dev"),
    system("CPocketSphinx", "pocketsphinx", "libpocketsphinx-dev"),
    .target(name: "CProcess"),
    .target(name: "PostgreSQL", dependencies: ["CPostgreSQL", "CProcess", "Cryptography"], swiftSettings: strict),
    .target(name: "HTTP", dependencies: ["CMicroHTTPD", "CCurl", "CProcess"], swiftSettings: strict),
    .target(name: "Cryptography", dependencies: ["CCrypt", "COpenSSL"], swiftSettings: strict),
    .target(name: "Compression", dependencies: ["CZlib"], swiftSettings: strict),
    .target(
      name: "Orchestrator", dependencies: ["PostgreSQL", "Compression", "Cryptography", "CProcess"], swiftSettings: strict),
    .target(name: "OrchestratorTesting", dependencies: ["Orchestrator", "PostgreSQL"], swiftSettings: strict),
    .target(name: "Workflows", dependencies: ["Orchestrator"], swiftSettings: strict),
    .target(
      name: "Activities",
      dependencies: ["Workflows", "Orchestrator", "PostgreSQL", "HTTP", "Cryptography", "CMagic", "CPocketSphinx", "CProcess"],
      resources: ["de", "en", "es", "fr", "it", "pt", "sv"].map { Resource.embedInCode("Texts/Words/\($0).txt") }, swiftSettings: strict),
    .executableTarget(
      name: "orchestratord",
      dependencies: ["Activities", "Workflows", "Orchestrator", "HTTP", "PostgreSQL", "Compression", "Cryptography", "CProcess"],
      swiftSettings: strict),
    .target(name: "ExampleSupport", dependencies: ["Orchestrator", "PostgreSQL"], path: "Examples/Support", swiftSettings: strict),
    example("Greeting"),
    example("SignalAndTimer"),
    example("Saga"),
    example("VersionedChange"),
    example("FindingRuns"),
    example("DailyReport"),
    example("Subscription"),
    example("ParentAndChildren"),
    example("FanOut"),
    example("HumanApproval"),
    example("ExternalJob"),
    example("ConfidentialOrder", also: ["PostgreSQL"]),
    example("MendAndGoOn"),
    example("EmbedInYourTransaction", also: ["PostgreSQL"]),
    .target(name: "TestSupport", dependencies: ["PostgreSQL"], path: "Tests/TestSupport", swiftSettings: strict),
    .testTarget(name: "PostgreSQLTests", dependencies: ["PostgreSQL", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "HTTPTests", dependencies: ["HTTP", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "CryptographyTests", dependencies: ["Cryptography", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "OrchestratorTests", dependencies: ["Orchestrator", "TestSupport"],
      exclude: ["Scheduling/make_zone_times.py", "Scheduling/zone-times.json"], swiftSettings: strict),
    .executableTarget(
      name: "EngineProcess", dependencies: ["Orchestrator", "PostgreSQL"], path: "Tests/EngineProcess", swiftSettings: strict),
    .testTarget(
      name: "PromiseTests", dependencies: ["EngineProcess", "Orchestrator", "PostgreSQL", "TestSupport"], swiftSettings: strict),
    // Sees into the engine: release builds of it need -enable-testing (make simulate).
    .executableTarget(name: "Simulator", dependencies: ["Orchestrator"], path: "Tests/Simulator", swiftSettings: strict),
    .testTarget(name: "SimulatorTests", dependencies: ["Simulator", "Orchestrator", "PostgreSQL", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "SemanticsTests", dependencies: ["Orchestrator", "OrchestratorTesting"], swiftSettings: strict),
    .testTarget(
      name: "OrchestratorTestingTests", dependencies: ["OrchestratorTesting", "Orchestrator", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "WorkflowsTests", dependencies: ["Workflows", "OrchestratorTesting"], swiftSettings: strict),
    .testTarget(
      name: "HistoryTests",
      dependencies: [
        "OrchestratorTesting", "Orchestrator", "Workflows", "Greeting", "SignalAndTimer", "Saga", "VersionedChange", "FindingRuns",
        "Subscription",
        "ParentAndChildren", "FanOut", "HumanApproval", "ExternalJob",
      ], exclude: ["Histories"], swiftSettings: strict),
    .testTarget(
      name: "ActivitiesTests", dependencies: ["Activities", "TestSupport"], exclude: ["Media/read_playlists.py"], swiftSettings: strict),
    .testTarget(name: "orchestratordTests", dependencies: ["orchestratord", "Cryptography", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "PipelineTests", dependencies: ["orchestratord", "Activities", "Cryptography", "HTTP", "PostgreSQL", "TestSupport"],
      exclude: ["play_in_browser.py", "resume_upload.py"],
      swiftSettings: strict),
    .testTarget(
      name: "DocumentationTests",
      dependencies: [
        "orchestratord", "Orchestrator", "PostgreSQL", "TestSupport", "Greeting", "SignalAndTimer", "Saga", "VersionedChange",
        "FindingRuns", "DailyReport", "EmbedInYourTransaction", "ConfidentialOrder", "Subscription", "ParentAndChildren", "FanOut",
        "HumanApproval", "ExternalJob", "MendAndGoOn",
      ], swiftSettings: strict),
    .testTarget(
      name: "FuzzTests", dependencies: ["orchestratord", "Activities", "Workflows", "Orchestrator", "HTTP", "PostgreSQL", "Cryptography"],
      exclude: ["Driver", "Corpora", "Dictionaries"], swiftSettings: strict),
    .testTarget(name: "TidyTests", swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)

// `make fuzz` sets FUZZING: the fuzz targets become a program around libFuzzer, and the service a library that it can link.
if Context.environment["FUZZING"] != nil {
  package.products = []
  package.targets.removeAll { $0.type == .test || $0.name == "orchestratord" }
  package.targets += [
    .target(
      name: "orchestratord",
      dependencies: ["Activities", "Workflows", "Orchestrator", "HTTP", "PostgreSQL", "Compression", "Cryptography", "CProcess"],
      exclude: ["Main.swift"], swiftSettings: strict),
    .executableTarget(
      name: "Fuzzer", dependencies: ["orchestratord", "Activities", "Workflows", "Orchestrator", "HTTP", "PostgreSQL", "Cryptography"],
      path: "Tests/FuzzTests", exclude: ["CorpusTests.swift", "Corpora", "Dictionaries"], swiftSettings: strict),
  ]
}
