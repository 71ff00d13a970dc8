import Foundation

/// What the kernel tells of this process, under the names that every Prometheus client uses
/// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics).
enum ProcessMetrics {
  static func write(to text: inout MetricText) {
    text.one("process_cpu_seconds_total", .counter, "Processor time of this process.", ProcessorTime.ofThisProcess())
    text.one("process_resident_memory_bytes", .gauge, "Memory of this process that is in RAM.", Double(ResidentMemory.bytes()))
    if let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
      text.one("process_open_fds", .gauge, "Open file descriptors.", Double(files.count))
    }
    text.one("process_start_time_seconds", .gauge, "When this process began, in seconds since the Unix epoch.", startedAt)
  }

  /// The machine's own account (proc_pid_stat(5)), in ticks since it was started.
  private static let startedAt: Double = {
    let since = ProcessInfo.processInfo.systemUptime
    let fields = (try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8))?.split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 19, let ticks = Double(fields[19]) else { return Date().timeIntervalSince1970 }
    return Date().timeIntervalSince1970 - since + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
  }()
}
