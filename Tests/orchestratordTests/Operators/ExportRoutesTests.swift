import Foundation
import HTTP
import Orchestrator
import Testing

@testable import orchestratord

@Suite struct ExportRoutesTests {
  @Test func `All runs that a query finds are exported as CSV or as lines of JSON, over as many pages as it takes`() async throws {
    try await OperatorFixture.run { service in
      for number in 1...1001 {
        try await service.engine.client.start(Waiting.self, id: "w/\(number)", input: "x")
      }
      try await service.engine.client.start(Waiting.self, id: #"=HYPERLINK("http://example.org","a, b")"#, input: "x")
      let server = try HTTPServer(router: service.router)
      let lines = try await Self.download(server, "type=Waiting", "text/csv; charset=utf-8; header=present").split(separator: "\r\n")
      #expect(lines.count == 1003 && lines[0].hasPrefix("workflowId,runId,workflowType,status,"))
      // A spreadsheet would run it otherwise.
      #expect(lines[1].hasPrefix(#""'=HYPERLINK(""http://example.org"",""a, b"")","#))

      let json = try await Self.download(server, "format=json&workflowId=w%2F7", "application/x-ndjson").split(separator: "\n")
      #expect(json.count == 1)
      let run = try JSONDecoder().decode(WorkflowSummary.self, from: Data(json[0].utf8))
      #expect(run.workflowID == "w/7" && run.status == .running)

      await server.drain(within: .seconds(5))
      #expect(try await service.send(.get, "/api/v1/workflow-export?format=xml").problem == "invalid-query")
      #expect(try await service.send(.get, "/api/v1/workflow-export?query=Nonsense").status == 400)
      #expect(try await service.send(.get, "/api/v1/workflow-export", as: "artist-token-0001").status == 403)
    }
  }

  private static func download(_ server: HTTPServer, _ query: String, _ type: String) async throws -> String {
    var request = HTTPClientRequest(.get, "http://127.0.0.1:\(server.port)/api/v1/workflow-export?\(query)")
    request.headers["Authorization"] = "Bearer operator-token-01"
    request.addressPolicy = .publicOrLoopback
    let answer = try await HTTPClient().send(request)
    #expect(answer.status == .ok && answer.headers["Content-Type"] == type)
    return String(decoding: answer.body, as: UTF8.self)
  }
}
