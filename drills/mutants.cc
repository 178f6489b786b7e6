#include "drills/mutants.h"

namespace sallyport::drills {
namespace {

Result<Examination> silence() { return Examination{}; }
Result<Examination> alarm() {
  return Examination{.findings = {{.severity = Severity::kCritical, .message = "a wall refuses everything"}}};
}

// Every hook that the guard has becomes `Answer`, so that the mutant sees exactly the subjects that the guard
// sees.
template <Result<Examination> (*Answer)()>
Guard with_hooks(Guard guard) {
  const auto replace = []<class Subject>(Result<Examination> (*&hook)(const Subject&, const Parameters&)) {
    if (hook != nullptr) hook = [](const Subject&, const Parameters&) { return Answer(); };
  };
  replace(guard.file);
  replace(guard.repository);
  replace(guard.step);
  replace(guard.promotion);
  replace(guard.request);
  replace(guard.response);
  replace(guard.event);
  if (guard.dataset.judge == nullptr) return guard;
  guard.dataset = {.summarise = [](const Dataset&, Side, const Contract&,
                                   const Parameters&) -> Result<std::any> { return std::any(0); },
                   .merge = [](std::any a, std::any) { return a; },
                   .judge = [](const std::any&, const Contract&, const Parameters&) { return Answer(); }};
  return guard;
}

}  // namespace

Guard blind_of(const Guard& guard) { return with_hooks<silence>(guard); }
Guard wall_of(const Guard& guard) { return with_hooks<alarm>(guard); }

}  // namespace sallyport::drills
