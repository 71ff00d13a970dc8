import PostgreSQL

/// Texts as one parameter.
public struct TextList: ParameterValue {
  let values: [String]

  public init(values: [String]) { self.values = values }

  public func encode(into parameters: inout Parameters) {
    let column = ArrayColumn(.text)
    for value in values { column.append(value) }
    parameters.append(column)
  }
}
