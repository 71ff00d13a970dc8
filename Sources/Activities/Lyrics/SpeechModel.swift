/// Where a PocketSphinx acoustic model, language model and dictionary lie.
public struct SpeechModel: Sendable {
  /// As the record of a transcription names it.
  public let name: String
  public let acousticModelPath: String
  public let languageModelPath: String
  public let dictionaryPath: String

  public init(name: String, acousticModelPath: String, languageModelPath: String, dictionaryPath: String) {
    self.name = name
    self.acousticModelPath = acousticModelPath
    self.languageModelPath = languageModelPath
    self.dictionaryPath = dictionaryPath
  }

  /// American English, from the Debian package pocketsphinx-en-us: 134,723 words.
  public static let english = SpeechModel(
    name: "pocketsphinx-en-us",
    acousticModelPath: "/usr/share/pocketsphinx/model/en-us/en-us",
    languageModelPath: "/usr/share/pocketsphinx/model/en-us/en-us.lm.bin",
    dictionaryPath: "/usr/share/pocketsphinx/model/en-us/cmudict-en-us.dict")
}
