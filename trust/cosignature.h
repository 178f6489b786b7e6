// Witness cosignatures over checkpoints (C2SP tlog-cosignature, cosignature/v1 with Ed25519): a witness says
// that, as of a time, this is the largest tree that it has seen of the log, and that it extends all it saw.
//
//   cosignature/v1                    what is signed
//   time 1679315147
//   sallyport.dev/digits              the checkpoint's whole text
//   ...
//
// In the note: key id (of type 0x04), the time as 8 bytes big-endian, the signature. Values only; safe from
// any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "trust/note_parts.h"

namespace sallyport::trust {

// `checkpoint_text` is a note's text. Ed25519 alone; a time before 1970 is an error.
Result<NoteSignature> cosign(std::string_view checkpoint_text, std::string_view name, const PrivateKey& key,
                             std::int64_t now_unix_s);

// The latest time at which this witness cosigned; absent when it did not. Error kDenied when a signature that
// bears its name and key id does not verify.
Result<std::optional<std::int64_t>> cosigned_at(const Note& note, const VerifierKey& witness);

}  // namespace sallyport::trust
