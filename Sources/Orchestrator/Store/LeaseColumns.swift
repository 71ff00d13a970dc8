import PostgreSQL

/// The columns that name leases.
final class LeaseColumns {
  private let runs = ArrayColumn(.uuid)
  private let sequences = ArrayColumn(.int4)
  private let tokens = ArrayColumn(.int8)
  private(set) var count = 0

  func append(_ key: ActivityKey, _ token: Int64) {
    runs.append(key.runID.uuid)
    sequences.append(key.sequence)
    tokens.append(token)
    count += 1
  }

  var parameters: Parameters {
    var parameters = Parameters()
    for column in [runs, sequences, tokens] { parameters.append(column) }
    return parameters
  }
}
