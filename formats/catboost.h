// CatBoost's own format (.cbm): the letters CBM1, the size of a flatbuffer, the flatbuffer, and behind it the
// parts that it names.
//
// The flatbuffer is verified by its schema (catboost/libs/model/flatbuffers of CatBoost 1.2), the trees are
// held to the arrays that the library indexes with what stands in them: splits to the borders of the
// features, leaves to the values. Of the parts behind it the tables of categorical features are followed;
// those of texts and embeddings are told as unread. At most limits::kTreeFlawsMax flaws are told. Pure
// functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "formats/boosting.h"
#include "formats/flatbuffer.h"

namespace sallyport::formats::catboost {

struct Model {
  std::vector<boosting::Flaw> flaws = {};
  std::vector<flatbuffer::Stretch> used = {};
  std::vector<std::string> unread = {};
};

bool is_catboost(std::string_view text);
Result<Model> read_catboost(BytesView bytes);

}  // namespace sallyport::formats::catboost
