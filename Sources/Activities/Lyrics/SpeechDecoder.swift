import CPocketSphinx
import Glibc

/// One PocketSphinx decoder; it lives and dies on one thread and is not shared.
struct SpeechDecoder: ~Copyable {
  private let decoder: OpaquePointer
  private static let alignmentSearch = "alignment"
  /// PocketSphinx's own name for the search that `-lm` sets up.
  private static let recognitionSearch = "_default"
  private static let framesPerSecond = 100

  /// Loads the model: about 0.25 s. Throws `LyricsFailure` of kind `recognizerUnavailable` if it cannot be loaded.
  init(model: SpeechModel) throws(LyricsFailure) {
    let opened = orchestrator_pocketsphinx_open(model.acousticModelPath, model.languageModelPath, model.dictionaryPath)
    guard let opened else {
      throw LyricsFailure(
        .recognizerUnavailable,
        "the speech model \(model.name) could not be loaded from \(model.acousticModelPath): install pocketsphinx-en-us")
    }
    decoder = opened
  }

  deinit { ps_free(decoder) }

  /// The words of a stretch of audio, with times counted from its own start.
  borrowing func recognize(_ samples: ArraySlice<Int16>) throws(LyricsFailure) -> [HeardWord] {
    ps_set_search(decoder, Self.recognitionSearch)
    try decode(samples)
    return segments()
  }

  /// Times for a known sequence of words, nil if the audio does not fit the sequence at all.
  ///
  /// - Parameter skipping: whether words may be left out, for lines that are sung otherwise than written.
  borrowing func align(_ words: ArraySlice<String>, to samples: ArraySlice<Int16>, skipping: Bool) throws(LyricsFailure) -> [HeardWord]? {
    for word in words { try learn(word) }
    try useGrammar(of: words, skipping: skipping)
    defer {
      // A search must not be replaced or freed while it is the active one: PocketSphinx keeps the dangling pointer.
      ps_set_search(decoder, Self.recognitionSearch)
      ps_unset_search(decoder, Self.alignmentSearch)
    }
    try decode(samples)
    guard ps_get_hyp(decoder, nil) != nil else { return nil }
    return segments()
  }

  private borrowing func learn(_ word: String) throws(LyricsFailure) {
    if let known = ps_lookup_word(decoder, word) {
      free(known)
      return
    }
    guard let sounds = LetterToSound.pronunciation(of: word), ps_add_word(decoder, word, sounds, 0) >= 0 else {
      throw LyricsFailure(.recognizerUnavailable, "the recognizer refused a pronunciation for a word of \(word.utf8.count) letters")
    }
  }

  /// A chain of states with one word from each to the next; silence between words is added by the decoder.
  private borrowing func useGrammar(of words: ArraySlice<String>, skipping: Bool) throws(LyricsFailure) {
    let logarithm = ps_get_logmath(decoder)
    guard let grammar = fsg_model_init(Self.alignmentSearch, logarithm, 1, Int32(words.count + 1)) else {
      throw LyricsFailure(.recognizerUnavailable, "no memory for a grammar of \(words.count) words")
    }
    defer { fsg_model_free(grammar) }
    grammar.pointee.start_state = 0
    grammar.pointee.final_state = Int32(words.count)
    for (state, word) in zip(Int32(0)..., words) {
      fsg_model_trans_add(grammar, state, state + 1, 0, fsg_model_word_add(grammar, word))
      if skipping { fsg_model_null_trans_add(grammar, state, state + 1, logmath_log(logarithm, 0.001)) }
    }
    if skipping { glist_free(fsg_model_null_trans_closure(grammar, nil)) }
    guard ps_set_fsg(decoder, Self.alignmentSearch, grammar) == 0, ps_set_search(decoder, Self.alignmentSearch) == 0 else {
      throw LyricsFailure(.recognizerUnavailable, "the recognizer refused a grammar of \(words.count) words")
    }
  }

  private borrowing func decode(_ samples: ArraySlice<Int16>) throws(LyricsFailure) {
    // Starting the stream resets the frame counter; without it times go on from the utterance before.
    let isDecoded = samples.withUnsafeBufferPointer { buffer in
      ps_start_stream(decoder) == 0 && ps_start_utt(decoder) == 0
        && ps_process_raw(decoder, buffer.baseAddress, buffer.count, 0, 1) >= 0 && ps_end_utt(decoder) == 0
    }
    guard isDecoded else {
      throw LyricsFailure(.recognizerUnavailable, "the recognizer could not process \(samples.count) samples")
    }
  }

  private borrowing func segments() -> [HeardWord] {
    var words: [HeardWord] = []
    let logarithm = ps_get_logmath(decoder)
    var next = ps_seg_iter(decoder)
    while let segment = next {
      if let name = ps_seg_word(segment), let text = Self.plainWord(String(cString: name)) {
        var (first, last): (Int32, Int32) = (0, 0)
        ps_seg_frames(segment, &first, &last)
        let probability = logmath_exp(logarithm, ps_seg_prob(segment, nil, nil, nil))
        words.append(
          HeardWord(
            text: text, startMilliseconds: Int(first) * 1_000 / Self.framesPerSecond,
            endMilliseconds: Int(last + 1) * 1_000 / Self.framesPerSecond, probability: min(1, probability)))
      }
      next = ps_seg_next(segment)
    }
    return words
  }

  /// Drops silence and noise marks, and the number of the pronunciation in "the(2)".
  private static func plainWord(_ name: String) -> String? {
    guard let first = name.first, !"<[+(".contains(first) else { return nil }
    return String(name.prefix { $0 != "(" })
  }
}
