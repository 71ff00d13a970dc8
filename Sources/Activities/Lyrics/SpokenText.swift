import Foundation

extension String {
  /// Lower case without accents, for comparing what is written with what is heard.
  func folded() -> String {
    folding(options: [.diacriticInsensitive, .caseInsensitive, .widthInsensitive], locale: nil).lowercased()
  }
}
