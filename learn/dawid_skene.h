// What several annotators' labels say the truth is, and how each of them errs.
//
// Dawid and Skene (Applied Statistics 28, 1979): a confusion matrix for each annotator and a class for each
// item, estimated together by expectation and maximisation from the majority's answer. Deterministic; at most
// kIterationsMax rounds, each of one pass over the answers. Values, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sallyport::learn {

struct Answer {
  std::uint32_t item = 0;
  std::uint32_t annotator = 0;
  std::uint32_t label = 0;
};

struct Consensus {
  std::size_t classes = 0;
  std::vector<std::uint32_t> truth = {};  // of each item; the smaller class of equally likely ones
  std::vector<double> certainty = {};     // the probability of that class
  std::vector<double> confusion = {};     // [annotator][truth][given], each row a distribution
};

// Numbers in the answers are below the counts. An item without an answer is of class 0 with certainty 0.
Consensus consensus_of(std::span<const Answer> answers, std::size_t items, std::size_t annotators,
                       std::size_t classes);

}  // namespace sallyport::learn
