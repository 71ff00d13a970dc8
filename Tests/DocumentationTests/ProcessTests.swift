import Foundation
import TestSupport
import Testing

/// What docs/operating.md says about several processes.
@Suite(.serialized) struct ProcessTests {
  @Test("Two processes with the API and two with the steps share one database and the work of several uploads", .timeLimit(.minutes(4)))
  func severalProcesses() async throws {
    let folder = try TemporaryFolder()
    let environment = [
      "DATABASE_URL": try TestCluster.createDatabase().connectionString,
      "ORCHESTRATOR_STORE": "\(folder.path)/store",
    ]
    func start(_ arguments: String...) throws -> RunningProgram {
      try RunningProgram("\(Project.programs)/orchestratord", arguments, environment: environment, in: folder.path)
    }
    let services = [try start("serve", "--port", "0", "--queues", "none"), try start("serve", "--port", "0", "--queues", "none")]
    let workers = [try start("worker", "--data", "worker-1"), try start("worker", "--data", "worker-2")]
    var ports: [String] = []
    for service in services {
      ports.append(try await service.said(/orchestratord serve: http:\/\/127\.0\.0\.1:([0-9]+)/, within: .seconds(60)))
    }
    for worker in workers { _ = try await worker.said(/(orchestratord worker: queues)/, within: .seconds(60)) }
    let shell = try RunningProgram("/bin/bash", ["-c", Self.script(ports)], in: folder.path)
    let status = try await shell.exitStatus(within: .seconds(120))
    #expect(status == 0, "\(shell.output)")
    for process in services + workers { process.stop() }
    for process in services + workers { #expect(try await process.exitStatus(within: .seconds(60)) == 0) }
  }

  /// Four uploads through both APIs at once; each track is seen through the other API until it waits for its review.
  private static func script(_ ports: [String]) -> String {
    """
    set -euo pipefail
    exec 2>&1
    ffmpeg -v error -f lavfi -i sine=frequency=330:duration=3 song.mp3
    upload() { curl -sf -H "Authorization: Bearer development-artist" -F file=@song.mp3 http://127.0.0.1:$1/api/v1/uploads > $2.json; }
    upload \(ports[0]) a & upload \(ports[1]) b & upload \(ports[0]) c & upload \(ports[1]) d &
    for job in $(jobs -p); do wait $job; done
    for pair in a:\(ports[1]) b:\(ports[0]) c:\(ports[1]) d:\(ports[0]); do
      track=$(jq -r .trackId ${pair%:*}.json)
      until curl -sf http://127.0.0.1:${pair#*:}/api/v1/tracks/$track | tee status.json | jq -e '.status == "REVIEWING"' > /dev/null; do
        jq -e '.status != "FAILED"' status.json > /dev/null
        sleep 0.2
      done
    done
    """
  }
}
