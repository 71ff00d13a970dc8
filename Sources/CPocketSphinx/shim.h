#pragma once
#include <pocketsphinx.h>
#include <sphinxbase/err.h>
#include <sphinxbase/fsg_model.h>

/* cmd_ln_init is variadic, which Swift cannot call.
 * -remove_silence no: the default drops silent frames, and then word times are not times of the audio.
 * -cmn batch: the mean over the whole utterance; the live estimate needs seconds to settle and costs words at the start. */
static inline ps_decoder_t *orchestrator_pocketsphinx_open(
    const char *acoustic_model, const char *language_model, const char *dictionary) {
  err_set_logfp(NULL);
  cmd_ln_t *configuration = cmd_ln_init(
      NULL, ps_args(), TRUE, "-hmm", acoustic_model, "-lm", language_model, "-dict", dictionary,
      "-remove_silence", "no", "-cmn", "batch", NULL);
  if (configuration == NULL) return NULL;
  ps_decoder_t *decoder = ps_init(configuration);
  cmd_ln_free_r(configuration);
  return decoder;
}
