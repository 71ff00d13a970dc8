import CProcess
import Glibc

/// How children of this machine are contained: a chain of programs that each set something and exec the next, so that a child has its limits
/// before its first instruction.
public struct ProcessIsolation: Sendable, Equatable {
  /// Whether a child has a network namespace of its own, without any interface that is up.
  public let hasOwnNetwork: Bool
  /// Whether a child ends when this process is killed; else an orphan may run to its end.
  public let endsWithParent: Bool
  private let outer: [String]
  private let inner: [String]

  /// The strictest that this machine allows, found out once by trying.
  public static let detected: ProcessIsolation =
    candidates.first { $0.works } ?? ProcessIsolation(hasOwnNetwork: false, outer: [], inner: [])

  /// From strict to loose: as root, as an ordinary user with user namespaces, and without namespaces.
  private static let candidates: [ProcessIsolation] = {
    let setpriv = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--no-new-privs"]
    let powerless = ["--bounding-set=-all", "--inh-caps=-all"]
    return [
      ProcessIsolation(hasOwnNetwork: true, outer: ["/usr/bin/unshare", "--net", "--"], inner: setpriv + powerless + ["--"]),
      ProcessIsolation(hasOwnNetwork: true, outer: ["/usr/bin/unshare", "--map-current-user", "--net", "--"], inner: setpriv + ["--"]),
      ProcessIsolation(hasOwnNetwork: false, outer: [], inner: setpriv + powerless + ["--"]),
      ProcessIsolation(hasOwnNetwork: false, outer: [], inner: setpriv + ["--"]),
    ]
  }()

  private init(hasOwnNetwork: Bool, outer: [String], inner: [String]) {
    self.hasOwnNetwork = hasOwnNetwork
    endsWithParent = !inner.isEmpty
    self.outer = outer
    self.inner = inner
  }

  /// One line for the start-up log.
  public var explanation: String {
    let network =
      hasOwnNetwork
      ? "media tools run without any network (own network namespace)"
      : "media tools are kept from the network by ffmpeg's protocol whitelist only: this user may not create network namespaces"
    return network + (endsWithParent ? "" : "; a tool may outlive this process when that is killed: setpriv does not work here")
  }

  /// The full command for `subprocess`.
  ///
  /// setpriv stands last: the kernel forgets a parent-death signal when privileges change, as they do in `unshare`.
  func command(for subprocess: Subprocess) -> [String] {
    let limits = subprocess.limits
    let prlimit = [
      "/usr/bin/prlimit", "--core=0", "--cpu=\(limits.processorSeconds):\(limits.processorSeconds + 1)",
      "--as=\(limits.addressSpaceBytes)", "--fsize=\(limits.fileSizeBytes)", "--nofile=\(limits.openFiles)", "--",
    ]
    return outer + prlimit + inner + [subprocess.program] + subprocess.arguments
  }

  private var works: Bool {
    guard let child = try? SubprocessChild(command: outer + inner + ["/bin/true"], workingDirectory: "/") else { return false }
    var end = process_end()
    return process_reap(child.process, &end) == 0 && end.exit_status == 0
  }
}
