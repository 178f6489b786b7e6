// What `data seal` and `data amend` share: their flags, and how they say where a statement stands.
#pragma once

#include "cli/data_view.h"
#include "services/data/seal.h"

namespace sallyport::cli {

inline constexpr Flag kSealKeyFlag{.name = "as",
                                   .value = "NAME",
                                   .doc = "whose key is here and signs; without it lead's and audit's",
                                   .repeats = true};
inline constexpr Flag kSealLabelFlag{
    .name = "label", .value = "COL", .doc = "the column of labels, so that the rows can be looked at"};
inline constexpr Flag kSealAgainstFlag{
    .name = "against", .value = "DATA", .doc = "a data set whose rows are known: the training split"};

services::data::SealOptions seal_options(const Arguments& arguments);
// `done` is the word for what the last signature does: "sealed", "amended".
Exit show_seal(const services::data::SealState& state, std::string_view done, Output& output);

}  // namespace sallyport::cli
