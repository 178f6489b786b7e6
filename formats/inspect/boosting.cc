// Boosted trees: XGBoost's JSON, UBJSON and old binary, LightGBM's text, CatBoost's flatbuffer.
#include "formats/boosting.h"
#include "core/limits/trees.h"

#include "formats/inspect/inspect.h"
#include "formats/ubjson.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::string_view kCatboost = "CBM1";
constexpr std::string_view kOldXgboost = "binf";
constexpr std::size_t kFront = 256;

bool names_learner(BytesView bytes) {
  return as_text(bytes).substr(0, kFront).find("learner") != std::string_view::npos;
}

bool plausible(const Layer& layer) {
  const std::string_view text = as_text(layer.bytes);
  return boosting::is_lightgbm(text) || text.starts_with(kCatboost) || text.starts_with(kOldXgboost) ||
         looks_like_ubjson(layer.bytes) || (text.starts_with('{') && names_learner(layer.bytes));
}

void say(Probe& probe, std::string_view rule, const std::vector<boosting::Flaw>& flaws) {
  for (const boosting::Flaw& flaw : flaws) {
    probe.observe({.topic = Topic::kStructure,
                   .rule = std::string(rule),
                   .offset = flaw.offset,
                   .message = flaw.message,
                   .remedy = "ask the publisher for the model as its library wrote it"});
  }
}

void judge_document(Probe& probe, std::string_view claim, const Json& document) {
  probe.claim(claim);
  probe.account(0, probe.bytes().size());
  if (boosting::is_xgboost(document)) say(probe, "xgboost-out-of-place", boosting::judge_xgboost(document));
}

void inspect_ubjson(Probe& probe) {
  const Result<Json> document = parse_ubjson(probe.bytes());
  if (document)
    return judge_document(probe, boosting::is_xgboost(*document) ? "xgboost" : "ubjson", *document);
  // Some other binary has a brace and a letter at its front.
  if (!names_learner(probe.bytes())) return;
  probe.claim("xgboost");
  probe.unread(0, probe.bytes().size(), document.error().message);
}

void inspect_lightgbm(Probe& probe) {
  const std::string_view text = as_text(probe.bytes());
  probe.claim("lightgbm");
  if (text.size() > limits::kLightgbmBytesMax || !is_utf8(text)) {
    probe.unread(0, text.size(), "lightgbm: a model that is no text, or too large to read");
    return;
  }
  const boosting::Lightgbm model = boosting::judge_lightgbm(text);
  probe.account(0, text.size());
  say(probe, "lightgbm-out-of-place", model.flaws);
  if (!model.whole) probe.unread(text.size(), 0, "lightgbm: the model is cut short");
}

void inspect_boosting(Probe& probe) {
  const std::string_view text = as_text(probe.bytes());
  if (boosting::is_lightgbm(text)) {
    inspect_lightgbm(probe);
  } else if (text.starts_with(kCatboost)) {
    probe.claim("catboost");
    probe.unread(0, text.size(), "catboost: the trees of a model in its own format are not verified");
  } else if (text.starts_with(kOldXgboost)) {
    probe.claim("xgboost");
    probe.unread(0, text.size(), "xgboost: the binary format of releases before 3.1 is not read");
  } else if (looks_like_ubjson(probe.bytes())) {
    inspect_ubjson(probe);
  } else if (const Result<Json> document = parse_json(text); document && boosting::is_xgboost(*document)) {
    judge_document(probe, "xgboost", *document);
  }
}

}  // namespace

extern const Inspector boosting_inspector;
const Inspector boosting_inspector{.id = "boosting", .plausible = plausible, .inspect = inspect_boosting};

}  // namespace sallyport::formats::inspect
