#include "tests/differential/random_pickles.h"

#include "tests/differential/journal.h"
#include "tests/differential/pickle_generator.h"

namespace sallyport::differential {

using namespace std::literals;

std::string Generator::run() {
  if (chance(80)) op("\x80"s + static_cast<char>(below(6)));
  while (chance(50)) value(2);
  if (chance(10)) op("(");
  value(0);
  op(".");
  return join();
}

Made Generator::list(int depth) {
  const Made made{Shape::kList, false};
  if (chance(30)) {
    op("(");
    for (std::uint64_t left = below(4); left > 0; --left) value(depth);
    op("l");
  } else {
    op("]");
  }
  if (chance(40)) remember(made);
  use(depth, made);
  return made;
}

Made Generator::dict(int depth) {
  const Made made{Shape::kDict, false};
  if (chance(30)) {
    op("(");
    for (std::uint64_t left = below(3); left > 0; --left) {
      hashable(depth);
      value(depth);
    }
    op("d");
  } else {
    op("}");
  }
  if (chance(40)) remember(made);
  use(depth, made);
  return made;
}

Made Generator::set(int depth) {
  if (chance(40)) {
    op("(");
    for (std::uint64_t left = below(4); left > 0; --left) hashable(depth);
    op("\x91");
    return {};
  }
  const Made made{Shape::kSet, false};
  op("\x8f");
  if (chance(30)) remember(made);
  use(depth, made);
  return made;
}

// Puts things into what is on top, in every way that it takes them.
void Generator::use(int depth, Made made) {
  const bool thing = is_callable(made.shape);
  const bool lists = thing || made.shape == Shape::kList;
  const bool dicts = thing || made.shape == Shape::kDict;
  const bool sets = thing || made.shape == Shape::kSet;
  for (std::uint64_t left = below(3); left > 0; --left) {
    const std::uint64_t way = below(6);
    if (way == 0 && lists) {
      value(depth);
      op("a");
    } else if (way == 1 && lists) {
      op("(");
      for (std::uint64_t count = below(4) + 1; count > 0; --count) value(depth);
      op("e");
    } else if (way == 2 && dicts) {
      hashable(depth);
      value(depth);
      op("s");
    } else if (way == 3 && dicts) {
      op("(");
      for (std::uint64_t count = below(3); count > 0; --count) {
        hashable(depth);
        value(depth);
      }
      if (hostile_ && chance(10)) value(depth);
      op("u");
    } else if (way == 4 && sets) {
      op("(");
      for (std::uint64_t count = below(3) + 1; count > 0; --count) hashable(depth);
      op("\x90");
    } else if (way == 5 && thing) {
      value(depth);
      op("b");
    } else if (hostile_ && chance(10)) {
      op("(");
      op(std::string(1, "eu\x90"[below(3)]));
    }
  }
}

Made Generator::global() {
  if (chance(12)) {
    const Extension& known = kExtensions[below(std::size(kExtensions))];
    if (known.code < 256 && chance(60)) {
      op("\x82" + fixed(known.code, 1));
    } else if (known.code < 65536 && chance(60)) {
      op("\x83" + fixed(known.code, 2));
    } else {
      op("\x84" + fixed(known.code, 4));
    }
    return {known.name[0] < 'a' ? Shape::kClass : Shape::kFunction};
  }
  const auto& [module, name] = any_name();
  if (chance(50)) {
    op("c" + std::string(module) + "\n" + std::string(name) + "\n");
  } else {
    text_of(module);
    if (chance(20)) noise(4);
    text_of(name);
    op("\x93");
  }
  // "itertools izip" becomes builtins.zip and the like: only what is a class under both names is called one.
  const bool is_class = name[0] >= 'A' && name[0] <= 'Z' && module[0] != 'U' && module != "exceptions";
  return {is_class ? Shape::kClass : Shape::kFunction};
}

Made Generator::callable(int depth) {
  if (depth < 3 && chance(25)) return thing(depth + 1);
  for (const auto& [index, made] : memo_) {
    if (!is_callable(made.shape) || !chance(20)) continue;
    bool newest = true;
    for (const auto& [other, later] : memo_) {
      if (other == index) newest = &later == &made;
    }
    if (!newest) continue;
    op("g" + std::to_string(index) + "\n");
    return made;
  }
  const Made made = global();
  if (chance(50)) remember(made);
  return made;
}

void Generator::arguments(int depth) {
  if (hostile_ && chance(6)) {
    value(depth);
    return;
  }
  tuple(depth, false);
}

Made Generator::call(int depth) {
  const Made made{Shape::kThing};
  const std::uint64_t way = below(6);
  if (way == 0) {
    const auto& [module, name] = any_name();
    op("(");
    for (std::uint64_t left = below(3); left > 0; --left) value(depth);
    // INST takes ASCII alone.
    const bool ascii = module[0] != 'd' || hostile_;
    op("i" + std::string(ascii ? module : "delta") + "\n" + std::string(name) + "\n");
    return made;
  }
  if (way == 1) {
    op("(");
    callable(depth);
    for (std::uint64_t left = below(3); left > 0; --left) value(depth);
    op("o");
    return made;
  }
  const Made callee = callable(depth);
  if (way <= 3 || callee.shape != Shape::kClass) {
    arguments(depth);
    op("R");
    return made;
  }
  arguments(depth);
  if (way == 4) {
    op("\x81");
    return made;
  }
  op("}");
  for (std::uint64_t left = below(3); left > 0; --left) {
    text_of("key" + std::to_string(left));
    value(depth);
    op("s");
  }
  op("\x92");
  return made;
}

Made Generator::thing(int depth) {
  Made made{Shape::kThing};
  switch (below(6)) {
    case 0: op("P" + std::string(chance(50) ? "id 7" : "") + "\n"); break;
    case 1:
      value(depth);
      op("Q");
      break;
    default: made = call(depth);
  }
  if (chance(50)) remember(made);
  use(depth, made);
  return made;
}

void Generator::remember(Made made) {
  std::uint64_t index = indices_.size();
  bool is_new = true;
  const auto has = [&](std::uint64_t wanted) {
    for (const std::uint64_t known : indices_) {
      if (known == wanted) return true;
    }
    return false;
  };
  if (chance(50)) {
    op("\x94");
  } else {
    if (chance(40)) index = below(4) == 0 ? below(5000) : below(300);
    if (index < 256 && chance(50)) {
      op("q" + fixed(index, 1));
    } else {
      op(chance(50) ? "r" + fixed(index, 4) : "p" + std::to_string(index) + "\n");
    }
  }
  is_new = !has(index);
  if (is_new) indices_.push_back(index);
  memo_.emplace_back(index, made);
}

// From the memo, or something new when there is nothing to fetch.
Made Generator::fetch(bool must_hash) {
  if (memo_.empty()) {
    op("N");
    return {};
  }
  const std::uint64_t index = memo_[below(memo_.size())].first;
  Made made;
  for (const auto& [other, later] : memo_) {
    if (other == index) made = later;
  }
  if (must_hash && !made.hashable) {
    op("N");
    return {};
  }
  if (index < 256 && chance(60)) {
    op("h" + fixed(index, 1));
  } else {
    op(chance(60) ? "j" + fixed(index, 4) : "g" + std::to_string(index) + "\n");
  }
  return made;
}

// What leaves the stack as it was.
void Generator::noise(int depth) {
  switch (below(7)) {
    case 0:
      value(depth);
      op("0");
      break;
    case 1:
      op("(");
      op("0");
      break;
    case 2:
      op("(");
      for (std::uint64_t left = below(3); left > 0; --left) value(depth);
      op("1");
      break;
    case 3:
      value(depth);
      op("2");
      op("0");
      op("0");
      break;
    case 4: op("\x80"s + static_cast<char>(below(6))); break;
    default: break;
  }
}

Made Generator::hashable(int depth) {
  if (chance(60)) {
    text_of("k" + std::to_string(keys_++));
    return {};
  }
  if (depth < 3 && chance(20)) return tuple(depth + 1, true);
  if (chance(20)) return fetch(true);
  if (depth < 3 && chance(20)) return callable(depth + 1);
  op("J" + fixed(keys_++, 4));
  return {};
}

Made Generator::value(int depth) {
  if (depth < 4 && chance(10)) noise(depth + 1);
  Made made;
  const std::uint64_t way = depth >= 4 ? 4 + below(2) : below(10);
  switch (way) {
    case 0: made = tuple(depth + 1, false); break;
    case 1: made = list(depth + 1); break;
    case 2: made = dict(depth + 1); break;
    case 3: made = set(depth + 1); break;
    case 4: made = scalar(); break;
    case 5: made = fetch(false); break;
    case 6: made = callable(depth + 1); break;
    default: made = thing(depth + 1); break;
  }
  if (chance(25)) remember(made);
  return made;
}

// Frames around runs of opcodes; in a hostile pickle they may end anywhere.
std::string Generator::join() {
  std::string out;
  const bool framed = chance(50);
  for (std::size_t i = 0; i < ops_.size();) {
    std::size_t count = 1;
    std::string run = ops_[i];
    if (framed && chance(40)) {
      for (std::uint64_t more = below(20); more > 0 && i + count < ops_.size(); --more) {
        run += ops_[i + count++];
      }
      std::uint64_t size = run.size();
      if (hostile_ && chance(30)) size = below(size + 12);
      out += "\x95" + fixed(size, 8);
    }
    out += run;
    i += count;
  }
  return out;
}

std::string random_pickle(std::uint64_t seed) { return Generator(seed, false).run(); }

std::string hostile_pickle(std::uint64_t seed) {
  std::string bytes = Generator(seed, true).run();
  std::mt19937_64 random(seed ^ 0x9E3779B97F4A7C15U);
  constexpr std::string_view kOpcodes =
      "(.012FIJKLMNPQRSTUVXabcdegh}ijlopqrst)u]GBC\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d"
      "\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98"sv;
  for (std::uint64_t left = random() % 3; left > 0 && !bytes.empty(); --left) {
    const std::size_t at = random() % bytes.size();
    switch (random() % 5) {
      case 0: bytes[at] = static_cast<char>(random()); break;
      case 1: bytes[at] = kOpcodes[random() % kOpcodes.size()]; break;
      case 2: bytes.insert(at, 1, kOpcodes[random() % kOpcodes.size()]); break;
      case 3: bytes.erase(at, 1 + random() % 3); break;
      default: bytes.resize(random() % 8 == 0 ? at : bytes.size());
    }
  }
  return bytes;
}

}  // namespace sallyport::differential
