// Boosted trees: XGBoost's JSON, UBJSON and old binary, LightGBM's text, CatBoost's flatbuffer.
#include "formats/boosting.h"

#include "core/limits/trees.h"
#include "formats/catboost.h"
#include "formats/inspect/inspect.h"
#include "formats/ubjson.h"
#include "formats/utf8.h"
#include "formats/xgboost_binary.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::size_t kFront = 256;

bool names_learner(BytesView bytes) {
  return as_text(bytes).substr(0, kFront).find("learner") != std::string_view::npos;
}

bool plausible(const Layer& layer) {
  const std::string_view text = as_text(layer.bytes);
  return boosting::is_lightgbm(text) || catboost::is_catboost(text) ||
         boosting::is_xgboost_binary(layer.bytes) || looks_like_ubjson(layer.bytes) ||
         (text.starts_with('{') && names_learner(layer.bytes));
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

void inspect_catboost(Probe& probe) {
  probe.claim("catboost");
  const Result<catboost::Model> model = catboost::read_catboost(probe.bytes());
  if (!model) {
    probe.unread(0, probe.bytes().size(), model.error().message);
    return say(probe, "catboost-out-of-place", {{0, model.error().message}});
  }
  for (const flatbuffer::Stretch& part : model->used) probe.account(part.begin, part.end - part.begin);
  for (const std::string& unread : model->unread) probe.unread(0, 0, unread);
  say(probe, "catboost-out-of-place", model->flaws);
}

void inspect_old_xgboost(Probe& probe) {
  probe.claim("xgboost");
  const Result<boosting::XgboostBinary> model = boosting::read_xgboost_binary(probe.bytes());
  if (!model) {
    probe.unread(0, probe.bytes().size(), model.error().message);
    return say(probe, "xgboost-out-of-place", {{0, model.error().message}});
  }
  probe.account(0, model->end);
  say(probe, "xgboost-out-of-place", model->flaws);
}

void inspect_boosting(Probe& probe) {
  const std::string_view text = as_text(probe.bytes());
  if (boosting::is_lightgbm(text)) {
    inspect_lightgbm(probe);
  } else if (catboost::is_catboost(text)) {
    inspect_catboost(probe);
  } else if (boosting::is_xgboost_binary(probe.bytes())) {
    inspect_old_xgboost(probe);
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
