import Foundation

/// The largest memory this process held, by the kernel's account.
enum ResidentMemory {
  /// Begins to count anew.
  static func resetPeak() {
    // "5" resets the peak of resident memory (proc(5)); where the kernel refuses, the peak is that of the whole process.
    try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
  }

  static func peakBytes() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    let kilobytes = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }
    return (kilobytes ?? 0) * 1024
  }
}
