import CProcess

/// How children of this machine are kept from the network and within their limits: a chain of programs that each set something and exec the next, so the child has its limits before its first instruction.
public enum ProcessIsolation: Sendable, Equatable {
  /// A network namespace of its own, without any interface.
  case networkNamespace(unshare: [String])
  /// The kernel offers no namespace to this user: only ffmpeg's protocol whitelist keeps it from the network.
  case protocolWhitelistOnly

  /// What this machine allows, found out once by trying.
  public static let detected: ProcessIsolation = {
    let candidates = [["/usr/bin/unshare", "--net", "--"], ["/usr/bin/unshare", "--map-current-user", "--net", "--"]]
    for candidate in candidates where runsTrue(candidate) { return .networkNamespace(unshare: candidate) }
    return .protocolWhitelistOnly
  }()

  /// One line for the start-up log and for `doctor` commands.
  public var explanation: String {
    switch self {
    case .networkNamespace: "media tools run without any network (own network namespace)"
    case .protocolWhitelistOnly:
      "media tools are kept from the network by ffmpeg's protocol whitelist only: this user may not create network namespaces"
    }
  }

  /// The full command for `subprocess`.
  func command(for subprocess: Subprocess) -> [String] {
    let limits = subprocess.limits
    let prlimit = [
      "/usr/bin/prlimit", "--core=0", "--cpu=\(limits.processorSeconds):\(limits.processorSeconds + 1)",
      "--as=\(limits.addressSpaceBytes)", "--fsize=\(limits.fileSizeBytes)", "--nofile=\(limits.openFiles)", "--",
    ]
    let inner = [subprocess.program] + subprocess.arguments
    switch self {
    case .networkNamespace(let unshare): return unshare + prlimit + inner
    case .protocolWhitelistOnly: return prlimit + inner
    }
  }

  private static func runsTrue(_ prefix: [String]) -> Bool {
    guard let child = try? SubprocessChild(command: prefix + ["/bin/true"], workingDirectory: "/") else { return false }
    var end = process_end()
    return process_reap(child.process, &end) == 0 && end.exit_status == 0
  }
}
