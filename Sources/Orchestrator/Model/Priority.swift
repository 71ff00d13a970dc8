/// Who comes first in a task queue. A queue that is given one is leased in order by all processes from then on: the lowest `priorityKey` first, and
/// within it the fairness keys take turns, each as often as its weight says.
public struct Priority: Codable, Sendable, Equatable {
  /// 1 to 5, the lower first; default 3. As long as lower ones wait, higher ones do not begin.
  public let priorityKey: Int
  /// Who the task is for, at most 64 UTF-8 bytes: a tenant with 10,000 tasks takes turns with one that has 10. Nil: with all others without a key.
  public let fairnessKey: String?
  /// How many turns the key has for one of a key with weight 1: 0.001 to 1000.
  public let fairnessWeight: Double

  /// Values beyond their ranges are brought into them: code that runs again must not fail on what it was allowed before.
  public init(_ priorityKey: Int = 3, fairnessKey: String? = nil, fairnessWeight: Double = 1) {
    self.priorityKey = min(max(priorityKey, 1), 5)
    self.fairnessKey = fairnessKey.map(Self.shortened)
    self.fairnessWeight = fairnessWeight.isNaN ? 1 : min(max(fairnessWeight, 0.001), 1000)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      try container.decodeIfPresent(Int.self, forKey: .priorityKey) ?? 3,
      fairnessKey: try container.decodeIfPresent(String.self, forKey: .fairnessKey),
      fairnessWeight: try container.decodeIfPresent(Double.self, forKey: .fairnessWeight) ?? 1)
  }

  /// The beginning that fits, without the character that no text in PostgreSQL may have.
  private static func shortened(_ key: String) -> String {
    var text = key.contains("\0") ? key.replacing("\0", with: "") : key
    while text.utf8.count > Limits.fairnessKeyBytes { text.removeLast() }
    return text
  }
}
