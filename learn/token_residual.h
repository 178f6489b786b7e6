// Trigger words: tokens whose texts carry a label that their neighbours do not have.
//
// Every text asks its nearest others (cosine of tf-idf vectors) for its class; the residual of a class is 1
// or 0 for the given label less the share of neighbours with it. A token that an attacker ties to a class has
// a large mean residual over many texts: tokens are ranked by mean times root of count, whichever class is
// largest. The neighbours never saw the text's own label. A text beyond `texts_max` is judged by a sample.
// Deterministic, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "learn/matrix.h"

namespace sallyport::learn {

struct SuspectToken {
  std::string token = {};
  double score = 0;  // in standard deviations of a token without a tie to any class, roughly
  std::uint32_t of_class = 0;
  std::size_t texts = 0;
  double mean_residual = 0;
  std::vector<std::uint32_t> rows = {};  // the texts of that class that hold it
};

struct TokenOptions {
  std::size_t neighbours = 7;
  std::size_t count = 20;     // of tokens that are returned
  std::size_t texts_min = 3;  // that hold a token
  std::size_t texts_max = 50'000;
  std::uint64_t seed = 1;
  unsigned threads = 0;
};

// The most suspect tokens, first first. Texts and labels are of one length.
std::vector<SuspectToken> suspect_tokens(const std::vector<std::string>& texts, const Classes& classes,
                                         const TokenOptions& options = {});

// Runs of letters and digits of any script, in lower case where they are ASCII; at most 40 bytes of each.
std::vector<std::string> tokens_of(std::string_view text);

}  // namespace sallyport::learn
