// Envelopes, statements, manifests and checkpoints: what is read is written as what is read again as the
// same.
#include <cstdlib>

#include "trust/data_release.h"
#include "trust/dsse.h"
#include "trust/manifest.h"
#include "trust/note.h"
#include "trust/statement.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace trust = sallyport::trust;
  const sallyport::BytesView bytes(data, size);
  if (const auto envelope = trust::parse_envelope(bytes)) {
    const std::string text = trust::serialize(*envelope);
    const auto again = trust::parse_envelope(sallyport::as_bytes(text));
    if (!again || trust::serialize(*again) != text) std::abort();
    (void)trust::statement_of(*envelope);
  }
  if (const auto statement = trust::parse_statement(bytes)) {
    const std::string text = trust::serialize(*statement);
    if (!trust::parse_statement(sallyport::as_bytes(text))) std::abort();
  }
  if (const auto manifest = trust::parse_manifest(bytes)) {
    if (trust::serialize(*manifest) != sallyport::as_text(bytes)) std::abort();
  }
  if (const auto lock = trust::parse_data_lock(bytes)) {
    const auto again = trust::parse_data_lock(sallyport::as_bytes(trust::serialize(*lock)));
    if (!again || *again != *lock) std::abort();
  }
  if (const auto note = trust::parse_note(sallyport::as_text(bytes))) {
    if (!trust::parse_note(trust::serialize(*note))) std::abort();
    (void)trust::parse_checkpoint(note->text);
  }
  return 0;
}
