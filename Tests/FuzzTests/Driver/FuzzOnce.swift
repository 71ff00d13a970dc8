import Dispatch

// Set once, before libFuzzer's loop begins.
nonisolated(unsafe) var chosen = FuzzTarget.all[0]

/// One input; whatever is thrown is a finding, and ends the process with the input kept by libFuzzer.
func fuzzOnce(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let target = chosen
  let done = DispatchSemaphore(value: 0)
  Task {
    do { try await target.check(bytes) } catch {
      // Ending here is how a finding is told to libFuzzer.
      fatalError("\(target.name): \(error)")
    }
    done.signal()
  }
  done.wait()
  return 0
}
