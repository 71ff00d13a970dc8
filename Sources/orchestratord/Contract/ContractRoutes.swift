import HTTP

/// What the API promises: for programs at `/api/v1/openapi.json`, for people at `/api/v1/docs`.
struct ContractRoutes: Sendable {
  func addRoutes(to router: inout Router) {
    let json = Array(EmbeddedContract.json.utf8)
    let page = Array(ContractPage(.embedded).html.utf8)
    router.on(.get, "/api/v1/openapi.json") { _ in Self.answer(json, "application/json") }
    router.on(.get, "/api/v1/docs") { _ in
      var response = Self.answer(page, "text/html; charset=utf-8")
      // Nothing of the page runs; its style comes from here.
      response.headers["Content-Security-Policy"] =
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
      return response
    }
    router.on(.get, "/api/v1/docs/style.css") { _ in Self.answer(Array(ContractStyle.css.utf8), "text/css; charset=utf-8") }
  }

  /// The same for everybody, until the next build.
  private static func answer(_ bytes: [UInt8], _ contentType: String) -> HTTPResponse {
    HTTPResponse(headers: ["Content-Type": contentType, "Cache-Control": "public, max-age=300"], body: .bytes(bytes))
  }
}
