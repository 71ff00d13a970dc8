/// A word with the time at which it was heard.
struct HeardWord: Sendable, Equatable {
  var text: String
  var startMilliseconds: Int
  var endMilliseconds: Int
  /// Posterior probability from 0 to 1 as the decoder estimates it.
  var probability: Double
}
