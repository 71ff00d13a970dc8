import HTTP

/// Values of the query, or why they cannot be taken.
extension HTTPRequest {
  /// A number of the query.
  /// - Throws: `APIProblem` 400 when it is not one of the range.
  func number(_ name: String, in range: ClosedRange<Int>, default standard: Int) throws -> Int {
    guard let text = queryValue(name) else { return standard }
    guard let number = Int(text), range.contains(number) else {
      throw APIProblem.invalid("invalid-query", "\"\(name)\" must be a number from \(range.lowerBound) to \(range.upperBound).")
    }
    return number
  }

  /// A yes or no of the query; nil when it is not said.
  /// - Throws: `APIProblem` 400 for anything but true and false.
  func flag(_ name: String) throws -> Bool? {
    try queryValue(name).map { text in
      guard let flag = Bool(text) else { throw APIProblem.invalid("invalid-query", "\"\(name)\" must be true or false.") }
      return flag
    }
  }

  /// The cursor of a list whose rows are numbered; nil for its first page.
  /// - Throws: `APIProblem` 400.
  func numberedCursor() throws -> Int64? {
    try queryValue("cursor").map { text in
      guard let id = Int64(text) else {
        throw APIProblem.invalid("invalid-query", "\"cursor\" must be the nextCursor of an earlier page.")
      }
      return id
    }
  }
}
