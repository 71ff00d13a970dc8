/// A step that touches the world, as workflow code names it: declared once, implemented elsewhere.
///
///     enum Steps {
///       static let probe = Activity<ObjectKey, Probe>("probe", ActivityOptions(taskQueue: "media"))
///     }
public struct Activity<Input: Codable & Sendable, Output: Codable & Sendable>: Sendable {
  /// The name histories carry.
  public let name: String
  public let options: ActivityOptions

  public init(_ name: String, _ options: ActivityOptions = .standard) {
    self.name = name
    self.options = options
  }
}
