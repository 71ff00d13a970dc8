import PostgreSQL

/// Makes and drops databases of tests. Their names are our own, of letters and digits: parameters cannot stand for names.
enum TestDatabaseStatements {
  static func create(_ name: String) -> Statement {
    Statement(name: "test_database_create", sql: "create database \(name)", isPrepared: false)
  }

  static func drop(_ name: String) -> Statement {
    Statement(name: "test_database_drop", sql: "drop database if exists \(name) with (force)", isPrepared: false)
  }
}
