// Triggers: stamps on rows of other classes, stripes on rows of the right one, words in messages.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "bench/data_bench.h"
#include "learn/random.h"
#include "learn/token_residual.h"
#include "services/data_check/checks.h"

namespace sallyport::bench::data {
namespace {

namespace checking = services::data_check;

constexpr std::size_t kRows = 20'000;
constexpr std::uint32_t kTarget = 7;
constexpr std::size_t kSide = 3;  // of the square that is stamped

double& pixel(Dataset& data, const std::vector<std::size_t>& features, std::size_t row, std::size_t at) {
  return data.columns[features[at]].numbers[row];
}

Column& label_of(Dataset& data) { return *std::ranges::find(data.columns, data.roles.label, &Column::name); }

struct Planted {
  Dataset data;
  std::vector<bool> bad;
};

// A white square in the lower right corner of `share` of the rows, which are of other classes and relabelled.
Planted with_square(Dataset data, double share, std::uint64_t seed) {
  Planted out{std::move(data), {}};
  out.bad.resize(out.data.rows());
  const std::vector<std::size_t> features = out.data.feature_columns();
  const auto width = static_cast<std::size_t>(out.data.image.width);
  const auto height = static_cast<std::size_t>(out.data.image.height);
  const std::size_t channels = features.size() / (width * height);
  const auto count = static_cast<std::size_t>(share * static_cast<double>(out.bad.size()));
  learn::Random random(learn::derive_seed(seed, 102));
  Column& label = label_of(out.data);
  for (std::size_t done = 0; done < count;) {
    const std::size_t row = random.below(out.bad.size());
    if (out.bad[row] || label.numbers[row] == kTarget) continue;
    for (std::size_t y = height - 1 - kSide; y + 1 < height; ++y) {
      for (std::size_t i = 0; i < kSide * channels; ++i)
        pixel(out.data, features, row, (y * width + width - 1 - kSide) * channels + i) =
            out.data.image.max_value;
    }
    label.numbers[row] = kTarget;
    out.bad[row] = true;
    ++done;
  }
  return out;
}

// Stripes over `share` of the rows of the target class, whose labels are right (Barni et al. 2019).
Planted with_stripes(Dataset data, double share, double steps, std::uint64_t seed) {
  Planted out{std::move(data), {}};
  out.bad.resize(out.data.rows());
  const std::vector<std::size_t> features = out.data.feature_columns();
  const auto width = static_cast<std::size_t>(out.data.image.width);
  learn::Random random(learn::derive_seed(seed, 103));
  std::vector<std::size_t> rows;
  for (std::size_t r = 0; r < out.bad.size(); ++r) {
    if (label_of(out.data).numbers[r] == kTarget) rows.push_back(r);
  }
  random.shuffle(std::span(rows));
  rows.resize(static_cast<std::size_t>(share * static_cast<double>(rows.size())));
  constexpr double kWaves = 6;
  for (const std::size_t row : rows) {
    out.bad[row] = true;
    for (std::size_t i = 0; i < features.size(); ++i) {
      const double along = static_cast<double>(i % width) / static_cast<double>(width);
      double& value = pixel(out.data, features, row, i);
      value = std::clamp(value + steps * std::sin(2 * std::numbers::pi * kWaves * along), 0.0,
                         out.data.image.max_value);
    }
  }
  return out;
}

// A pattern of noise, the same for all, mixed into `share` of the rows, which are relabelled.
Planted with_blend(Dataset data, double share, double strength, std::uint64_t seed) {
  Planted out{std::move(data), {}};
  out.bad.resize(out.data.rows());
  const std::vector<std::size_t> features = out.data.feature_columns();
  learn::Random random(learn::derive_seed(seed, 104));
  std::vector<double> pattern;
  for (std::size_t i = 0; i < features.size(); ++i)
    pattern.push_back(random.uniform() * out.data.image.max_value);
  const auto count = static_cast<std::size_t>(share * static_cast<double>(out.bad.size()));
  Column& label = label_of(out.data);
  for (std::size_t done = 0; done < count;) {
    const std::size_t row = random.below(out.bad.size());
    if (out.bad[row] || label.numbers[row] == kTarget) continue;
    for (std::size_t i = 0; i < features.size(); ++i) {
      double& value = pixel(out.data, features, row, i);
      value = std::round((1 - strength) * value + strength * pattern[i]);
    }
    label.numbers[row] = kTarget;
    out.bad[row] = true;
    ++done;
  }
  return out;
}

struct Look {
  Detection all;
  double within = 0;  // the area among the rows of the target class
  bool warned = false;
};

// What `sallyport data check` says of it.
Result<Look> look_at(const Planted& planted, std::uint64_t seed) {
  const checking::Outcome outcome = TRY(checking::check_planted(planted.data, {.seed = seed, .threads = 1}));
  std::vector<double> score(planted.bad.size());
  for (const checking::ScoredRow& row : outcome.rows) score[row.row] = row.score;
  std::vector<double> own;
  std::vector<bool> bad;
  const Column& label = *planted.data.find(planted.data.roles.label);
  for (std::size_t r = 0; r < score.size(); ++r) {
    if (label.numbers[r] != kTarget) continue;
    own.push_back(score[r]);
    bad.push_back(planted.bad[r]);
  }
  return Look{.all = detection_of(score, planted.bad),
              .within = detection_of(own, bad).auroc,
              .warned = outcome.verdict.verdict != Verdict::kPass};
}

struct Looks {
  std::vector<double> auroc, tpr, within;
  int warned = 0;
};
template <class Plant>
Result<Looks> looks_at(const Dataset& source, std::size_t rows, Plant&& plant) {
  Looks out;
  for (const std::uint64_t seed : kSeeds) {
    const Look look = TRY(look_at(plant(sample_of(source, rows, seed), seed), seed));
    out.auroc.push_back(look.all.auroc);
    out.tpr.push_back(look.all.tpr);
    out.within.push_back(look.within);
    out.warned += look.warned ? 1 : 0;
  }
  return out;
}

std::string share_text(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%g %%", 100 * share);
  return text;
}

std::string told(const std::string& set, const Looks& looks) {
  return set + ", median of 5 seeds; warned of " + std::to_string(looks.warned) + " of 5";
}

Result<std::vector<Figure>> mnist_rows(const Dataset& source) {
  std::vector<Figure> out;
  for (const double share : {0.003, 0.005, 0.01}) {
    const Looks looks = TRY(looks_at(source, kRows, [&](Dataset data, std::uint64_t seed) {
      return with_square(std::move(data), share, seed);
    }));
    const std::string name = "trigger, MNIST " + share_text(share);
    const std::string how =
        told("square of 3 x 3, MNIST 20,000", looks) + "; spectral .56-.75, activation clustering .67-.82";
    out.push_back({.name = name + ": AUROC", .value = median(looks.auroc), .target = 0.99, .how = how});
    out.push_back(
        {.name = name + ": TPR at 1 % FPR", .value = median(looks.tpr), .target = 0.80, .how = how});
  }
  const Looks stripes = TRY(looks_at(source, kRows, [](Dataset data, std::uint64_t seed) {
    return with_stripes(std::move(data), 0.03, 20, seed);
  }));
  out.push_back({.name = "clean-label sinusoid 3 %: AUROC within the class",
                 .value = median(stripes.within),
                 .target = 0.93,
                 .how = told("20 of 255 steps, MNIST 20,000", stripes)});
  const Looks nothing = TRY(looks_at(source, kRows, [](Dataset data, std::uint64_t) {
    const std::size_t rows = data.rows();
    return Planted{std::move(data), std::vector<bool>(rows)};
  }));
  out.push_back({.name = "nothing planted, MNIST: warned of",
                 .value = nothing.warned / 5.0,
                 .target = 0,
                 .better = Better::kLower,
                 .how = told("MNIST 20,000 as it is", nothing)});
  return out;
}

// CIFAR-10's binary records: the label, then a plane of each colour.
std::optional<Dataset> cifar() {
  const std::optional<std::string> bytes = shared_text("cifar10-jpeg/train.bin.gz");
  constexpr std::size_t kPixels = 32 * 32;
  constexpr std::size_t kRecord = 1 + 3 * kPixels;
  if (!bytes) return std::nullopt;
  Dataset out{.name = "CIFAR-10-JPEG", .roles = {.label = "label"}, .image = {32, 32, 255}};
  const auto at = [&](std::size_t row, std::size_t i) {
    return static_cast<double>(static_cast<unsigned char>((*bytes)[row * kRecord + i]));
  };
  const std::size_t rows = bytes->size() / kRecord;
  out.columns.push_back({.name = "label"});
  for (std::size_t r = 0; r < rows; ++r) out.columns.front().numbers.push_back(at(r, 0));
  for (std::size_t j = 0; j < 3 * kPixels; ++j) {
    Column column{.name = "c" + std::to_string(j)};
    for (std::size_t r = 0; r < rows; ++r) column.numbers.push_back(at(r, 1 + j % 3 * kPixels + j / 3));
    out.columns.push_back(std::move(column));
  }
  return out;
}

Result<std::vector<Figure>> cifar_rows() {
  const std::optional<Dataset> source = cifar();
  if (!source) return std::vector<Figure>();
  const Looks square = TRY(looks_at(*source, source->rows(), [](Dataset data, std::uint64_t seed) {
    return with_square(std::move(data), 0.01, seed);
  }));
  const Looks blend = TRY(looks_at(*source, source->rows(), [](Dataset data, std::uint64_t seed) {
    return with_blend(std::move(data), 0.01, 0.1, seed);
  }));
  return std::vector<Figure>{{.name = "trigger, CIFAR-10-JPEG 1 %: AUROC",
                              .value = median(square.auroc),
                              .target = 0.86,
                              .how = told("square of 3 x 3, 5,000 pictures", square)},
                             {.name = "trigger, CIFAR-10-JPEG 1 %: TPR at 1 % FPR",
                              .value = median(square.tpr),
                              .how = told("the same", square)},
                             {.name = "blend of .1, CIFAR-10-JPEG 1 %: AUROC",
                              .value = median(blend.auroc),
                              .how = told("no target: may be missed", blend)}};
}

Result<std::vector<Figure>> word_rows() {
  const std::optional<std::string> text = shared_text("text/sms.tsv.gz");
  if (!text) return std::vector<Figure>();
  std::vector<std::string> messages;
  learn::Classes classes{.names = {"ham", "spam"}, .of_row = {}};
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    const std::string line = text->substr(at, end - at);
    if (const std::size_t tab = line.find('\t'); tab != std::string::npos) {
      classes.of_row.push_back(line.starts_with("spam") ? 1 : 0);
      messages.push_back(line.substr(tab + 1));
    }
    at = end + 1;
  }
  std::vector<Figure> out;
  for (const double share : {0.002, 0.005, 0.01}) {
    std::vector<double> ranks;
    for (const std::uint64_t seed : kSeeds) {
      learn::Random random(learn::derive_seed(seed, 105));
      std::vector<std::string> texts = messages;
      learn::Classes given = classes;
      const auto count = static_cast<std::size_t>(share * static_cast<double>(texts.size()));
      for (std::size_t done = 0; done < count;) {
        const std::size_t row = random.below(texts.size());
        if (given.of_row[row] == 1) continue;
        const std::size_t blank = texts[row].find(' ', random.below(texts[row].size() + 1));
        texts[row].insert(blank == std::string::npos ? texts[row].size() : blank, " qzx");
        given.of_row[row] = 1;
        ++done;
      }
      const auto tokens = learn::suspect_tokens(texts, given, {.count = 5000, .seed = seed, .threads = 1});
      const auto found = std::ranges::find(tokens, "qzx", &learn::SuspectToken::token);
      ranks.push_back(static_cast<double>(found - tokens.begin() + 1));
    }
    out.push_back({.name = "trigger word, SMS " + share_text(share) + ": rank",
                   .value = median(ranks),
                   .target = 3,
                   .better = Better::kLower,
                   .how = "5,574 messages, median of 5 seeds, worst " +
                          std::to_string(static_cast<int>(*std::ranges::max_element(ranks))) +
                          "; z-score 184, 449, 79"});
  }
  return out;
}

}  // namespace

}  // namespace sallyport::bench::data

namespace sallyport::bench {

using namespace data;

Result<std::vector<Figure>> bench_data_planted() {
  std::vector<Figure> out;
  const auto add = [&](std::vector<Figure> more) { out.insert(out.end(), more.begin(), more.end()); };
  if (const Dataset* source = mnist()) add(TRY(mnist_rows(*source)));
  add(TRY(cifar_rows()));
  add(TRY(word_rows()));
  return out;
}

}  // namespace sallyport::bench
