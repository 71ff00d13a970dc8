import Dispatch
import Foundation

/// libFuzzer's loop, for one target: `Fuzzer TARGET [libFuzzer's options and folders]`. Built by `make fuzz` only.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<Int32>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

let names = FuzzTarget.all.map(\.name)
guard let name = CommandLine.arguments.dropFirst().first, let target = FuzzTarget.all.first(where: { $0.name == name }) else {
  print(names.joined(separator: "\n"))
  exit(CommandLine.arguments.count == 1 ? 0 : 2)
}
chosen = target
// libFuzzer sees the program's name and what follows the target's.
var arguments = [CommandLine.unsafeArgv[0]] + (2..<Int(CommandLine.argc)).map { CommandLine.unsafeArgv[$0] } + [nil]
var count = Int32(arguments.count - 1)
let status = arguments.withUnsafeMutableBufferPointer { list in
  var pointer = list.baseAddress
  return runDriver(&count, &pointer, fuzzOnce)
}
exit(status)
