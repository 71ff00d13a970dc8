/// What becomes of a pending activity that begins again as if it had not been tried.
public struct ActivityReset: Codable, Sendable, Equatable {
  /// The next attempt gets the details of the last heartbeat; default true.
  public var keepHeartbeat = true
  /// Its options are those again that the code asked for; default false.
  public var restoreOptions = false

  public init(keepHeartbeat: Bool = true, restoreOptions: Bool = false) {
    self.keepHeartbeat = keepHeartbeat
    self.restoreOptions = restoreOptions
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    keepHeartbeat = try fields.decodeIfPresent(Bool.self, forKey: .keepHeartbeat) ?? true
    restoreOptions = try fields.decodeIfPresent(Bool.self, forKey: .restoreOptions) ?? false
  }

  /// - Throws: `PayloadError` for what is no such object; null stands for the defaults.
  init(_ payload: Payload) throws {
    self = payload == .null ? ActivityReset() : try PayloadCodec.decode(ActivityReset.self, from: payload)
  }

  var payload: Payload { Payload(json: Array(#"{"keepHeartbeat":\#(keepHeartbeat),"restoreOptions":\#(restoreOptions)}"#.utf8)) }
}
