// Model files that nobody tampered with, built into the binary: what NumPy, pandas, scikit-learn, joblib and
// PyTorch wrote when tools/fixtures/pickles asked them to.
//
// Constant; safe from any thread.
#pragma once

#include <span>
#include <string_view>

namespace sallyport::drills {

struct HonestModel {
  std::string_view name;    // "state_dict.pt"
  std::string_view suffix;  // ".pt"
  std::string_view bytes;
};

std::span<const HonestModel> honest_models();

}  // namespace sallyport::drills
