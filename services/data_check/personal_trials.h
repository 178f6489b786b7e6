// How much personal data would be found in texts like these, and how often it is seen where there is none.
//
// Items of every kind are made up and put into the texts; what is found of them is the power. Then each digit
// of the texts as they are is drawn anew, which leaves their forms and takes away what the digits meant: what
// is found now is an alarm of chance. Pure, deterministic for a seed, safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace sallyport::services::data_check {

struct PersonalTrials {
  std::uint64_t planted = 0;
  std::uint64_t found = 0;
  std::uint64_t redrawn = 0;  // texts
  std::uint64_t alarms = 0;
};
// `texts` hold nothing that is found.
PersonalTrials personal_trials(std::span<const std::string> texts, std::uint64_t seed);

}  // namespace sallyport::services::data_check
