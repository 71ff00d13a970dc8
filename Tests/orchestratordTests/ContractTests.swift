import Foundation
import HTTP
import Orchestrator
import Testing

@testable import orchestratord

/// docs/openapi says what the API is; what is served is that, and nothing else.
@Suite struct ContractTests {
  @Test func `Every route that is served is in the contract, and the contract has no other`() async throws {
    let api = try await TestAPI()
    let client = Client(api.database, Registry(), identity: "api")
    let router = Service.router(
      Configuration(), client, api.catalog, api.store, api.database, api.access, WorkMetrics(), api.feed, api.resumable)
    let served = Set(router.routes.map { "\($0.method.rawValue) \($0.pattern.replacing("...}", with: "}"))" })
    let promised = Set(ContractDocument.embedded.operations.map { "\($0.method.rawValue) \($0.path)" })
    #expect(served.subtracting(promised).sorted() == [], "write them into docs/openapi/<area>.yaml, then `make openapi`")
    #expect(promised.subtracting(served).sorted() == [], "nothing serves them")
  }

  @Test func `Operations have names of their own`() {
    let names = ContractDocument.embedded.operations.compactMap { $0.fields["operationId"] as? String }
    #expect(names.count == ContractDocument.embedded.operations.count && Set(names).count == names.count)
  }

  @Test func `The page has every operation and every schema, leads nowhere else, and runs nothing`() async throws {
    var router = Router()
    router.use { try await SecurityHeaders.around($0, $1) }
    ContractRoutes().addRoutes(to: &router)
    let answer = Answer(await router.respond(to: try HTTPRequest(method: .get, target: "/api/v1/docs")))
    let page = String(decoding: answer.bytes, as: UTF8.self)
    let contract = ContractDocument.embedded
    for operation in contract.operations where operation.method != .options {
      #expect(page.contains("<div id=\"\(operation.fields["operationId"] as? String ?? "?")\">"))
    }
    let anchors = Set(page.matches(of: /\sid="([^"]+)"/).map { String($0.1) })
    let links = page.matches(of: /(?:href|src)="([^"]+)"/).map { String($0.1) }
    for link in links where link.hasPrefix("#") { #expect(anchors.contains(String(link.dropFirst())), "\(link)") }
    #expect(Set(links.filter { !$0.hasPrefix("#") }) == ["/api/v1/docs/style.css", "/api/v1/openapi.json"])
    #expect(!page.contains("<script") && !page.contains("style=\"") && !page.contains(" onclick"))
    #expect(answer.response.headers["Content-Security-Policy"]?.hasPrefix("default-src 'none'; style-src 'self'; ") == true)
  }
}
