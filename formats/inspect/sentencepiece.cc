// SentencePiece's models: a protobuf of pieces with their scores, and how texts are cut and normalised. They
// are data alone: no field names code or a file that is opened while a model is used.
//
// Source: sentencepiece_model.proto of SentencePiece 0.2.
#include "formats/inspect/inspect.h"
#include "formats/protobuf.h"

namespace sallyport::formats::inspect {
namespace {

enum Part : std::uint32_t { kPiece = 1, kTrainer = 2, kNormaliser = 3, kSelfTest = 4, kDenormaliser = 5 };

// A piece is a text, its score and its kind.
bool is_piece(BytesView message) {
  FieldReader reader(message);
  bool has_text = false;
  while (!reader.done()) {
    const Result<Field> field = reader.next();
    if (!field) return false;
    const bool known = (field->number == 1 && field->text().has_value()) ||
                       (field->number == 2 && field->type == WireType::kFixed32) ||
                       (field->number == 3 && field->type == WireType::kVarint);
    if (!known) return false;
    has_text = has_text || field->number == 1;
  }
  return has_text;
}

bool is_message(BytesView message) {
  constexpr std::uint32_t kFieldsMax = 200;
  FieldReader reader(message);
  while (!reader.done()) {
    const Result<Field> field = reader.next();
    if (!field || field->number > kFieldsMax) return false;
  }
  return true;
}

// Whether all of the bytes are such a model, with pieces, the trainer's settings and the normaliser's.
bool is_model(BytesView bytes) {
  FieldReader reader(bytes);
  unsigned parts = 0;
  while (!reader.done()) {
    const Result<Field> field = reader.next();
    if (!field || field->type != WireType::kLength || field->number > kDenormaliser) return false;
    if (field->number == kPiece ? !is_piece(field->bytes) : !is_message(field->bytes)) return false;
    parts |= 1U << field->number;
  }
  constexpr unsigned kNeeded = 1U << kPiece | 1U << kTrainer | 1U << kNormaliser;
  return (parts & kNeeded) == kNeeded;
}

bool plausible(const Layer& layer) {
  constexpr std::uint8_t kFirstField = kPiece << 3U | 2U;
  if (layer.role == Role::kTyped || layer.bytes.empty() || layer.bytes[0] != kFirstField) return false;
  const Result<Field> first = FieldReader(layer.bytes).next();
  return first && is_piece(first->bytes);
}

void inspect_sentencepiece(Probe& probe) {
  if (!is_model(probe.bytes())) return;
  probe.claim("sentencepiece");
  probe.account(0, probe.bytes().size());
}

}  // namespace

extern const Inspector sentencepiece_inspector;
const Inspector sentencepiece_inspector{
    .id = "sentencepiece", .plausible = plausible, .inspect = inspect_sentencepiece};

}  // namespace sallyport::formats::inspect
