import PostgreSQL
import TestSupport
import Testing

struct DatabaseErrorTests {
  @Test(arguments: ["40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300", "53100", "08006"])
  func `passing states of the server are retryable`(state: String) {
    var error = DatabaseError(.server, "text")
    error.sqlState = state
    #expect(error.isRetryable)
  }

  @Test(arguments: ["23505", "22012", "42P01", "28P01"])
  func `errors that stay are not retryable`(state: String) {
    var error = DatabaseError(.server, "text")
    error.sqlState = state
    #expect(!error.isRetryable)
  }

  @Test func `descriptions hold no values, only the detail does`() throws {
    let connection = try PipelineConnection(TestCluster.createDatabase())
    _ = try connection.run((Statement(name: "table", sql: "create table secrets (word text primary key)"), Parameters()))
    let insert = Statement(name: "insert", sql: "insert into secrets values ($1)", parameterTypes: [.text])
    _ = try connection.run((insert, Parameters("hunter2")))
    let duplicate = #expect(throws: DatabaseError.self) { try connection.run((insert, Parameters("hunter2"))) }
    #expect(duplicate?.sqlState == "23505")
    #expect(duplicate?.constraint == "secrets_pkey")
    #expect(duplicate?.table == "secrets")
    #expect(duplicate?.detail?.contains("hunter2") == true)
    #expect(duplicate?.description.contains("hunter2") == false)
    let cast = Statement(name: "cast", sql: "select $1::int", parameterTypes: [.text])
    let invalid = #expect(throws: DatabaseError.self) { try connection.run((cast, Parameters("hun\"ter2"))) }
    #expect(invalid?.sqlState == "22P02")
    #expect(invalid?.description.contains("ter2") == false)
  }

  @Test func `neither configurations nor connection errors show a password`() throws {
    let secret = "s3cr3t"
    let unreachable = ConnectionConfiguration("postgresql://user:\(secret)@127.0.0.1:1/database")
    #expect(unreachable.description == "host=127.0.0.1 port=1 dbname=database user=user")
    #expect(!String(reflecting: unreachable).contains(secret))
    let refused = #expect(throws: DatabaseError.self) { try PipelineConnection(unreachable) }
    #expect(refused?.code == .connectionFailed)
    #expect(refused.map { "\($0)" }?.contains(secret) == false)
    let unreadable = ConnectionConfiguration("postgresql://user:\(secret)@host:port:5/%zz")
    let invalid = #expect(throws: DatabaseError.self) { try PipelineConnection(unreadable) }
    #expect(invalid?.code == .invalidConfiguration)
    #expect(invalid.map { "\($0)" }?.contains(secret) == false)
  }
}
