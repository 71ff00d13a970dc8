import HTTP
import PostgreSQL

/// Whether the process lives, and whether it can do its work.
struct HealthRoutes {
  let database: Database

  func addRoutes(to router: inout Router) {
    let database = database
    router.on(.get, "/livez") { _ in HTTPResponse.text("alive\n") }
    router.on(.get, "/readyz") { _ in
      do {
        _ = try await database.query(HealthStatements.ready)
        return HTTPResponse.text("ready\n")
      } catch {
        return HTTPResponse.text("the database does not answer\n", status: .serviceUnavailable)
      }
    }
  }
}
