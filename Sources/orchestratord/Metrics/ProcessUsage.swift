import Foundation

/// The memory of this process, by the kernel's account.
enum ResidentMemory {
  /// The peak begins to count anew.
  static func resetPeak() {
    // "5" resets the peak of resident memory (proc(5)); where the kernel refuses, the peak is that of the whole process.
    try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
  }

  static func peakBytes() -> Int { bytes("VmHWM:") }

  /// Of another process.
  static func peakBytes(of process: Int32) -> Int { bytes("VmHWM:", of: String(process)) }

  /// What it holds now.
  static func bytes() -> Int { bytes("VmRSS:") }

  private static func bytes(_ name: String, of process: String = "self") -> Int {
    let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix(name) }
    let kilobytes = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }
    return (kilobytes ?? 0) * 1024
  }
}

/// What the process used of its processors.
enum ProcessorTime {
  /// Seconds of user and system time so far.
  static func ofThisProcess() -> Double {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }
}
