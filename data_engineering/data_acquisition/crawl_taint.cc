// acq-scrape-taint: pages planted for crawlers: changed after they were indexed, with text that only programs
// read, or one claim in many near-copies that seem to agree.
//
// For crawls: rows with a text column `url` and one `html`, and, where the crawl has an index, `sha256`, the
// digest that the index gives the page. Each page is held to its digest; its text for programs is told from
// its text for people (formats/page_text.h), and what is hidden counts when it is long, when it speaks to a
// model, or when it is spelled in characters that nobody sees; visible near-copies (MinHash, verified) count
// when they stand on several domains, and one domain may supply a share of the rows alone.
//
// Missed: hiding by style sheets of other files and by scripts, claims that are worded anew on each page,
// pictures. A text that honest pages quote on many domains, a licence say, is named as well: keep one of it.
#include <algorithm>
#include <cctype>
#include <map>
#include <numeric>
#include <set>

#include "core/digest.h"
#include "core/guard.h"
#include "core/text.h"
#include "formats/page_text.h"
#include "formats/recon.h"
#include "formats/utf8.h"
#include "learn/minhash.h"
#include "learn/row_digest.h"
#include "learn/row_sample.h"
#include "learn/sample_fold.h"
#include "learn/statistics.h"

namespace sallyport::data_engineering::data_acquisition {

extern const Guard crawl_taint;

namespace {

using formats::HiddenText;
using formats::PageText;

constexpr Parameter kParameters[] = {
    {"hidden_words", 25, "words out of sight from which on they count whatever they say"},
    {"invisible", 8, "characters that nobody sees, in one page, from which on they count"},
    {"similarity", 0.7, "Jaccard similarity of visible text from which on two pages are copies"},
    {"copies", 5, "copies from which on a text counts as planted"},
    {"domains", 3, "domains that they stand on"},
    {"domain_share", 0.25,
     "share of all pages that one domain may supply, where there are ten domains or more"},
    {"rows_max", 20000, "pages that are read; more are sampled by row number"},
    {"sample_seed", 0, "chooses that sample; keep it from publishers"},
};
constexpr std::size_t kDomainsMin = 10;  // fewer, and one of them may well be most of the crawl

// What one owner registers: the last two labels, three where the last but one is a registry's own.
std::string domain_of(std::string_view url) {
  static const std::set<std::string_view> kRegistries{"co",  "com", "org", "net", "ac",
                                                      "gov", "edu", "or",  "ne"};
  const std::string host = lowered(formats::host_of(url));
  std::vector<std::size_t> dots;
  for (std::size_t i = 0; i < host.size(); ++i) {
    if (host[i] == '.') dots.push_back(i);
  }
  if (dots.size() < 2) return host;
  const std::size_t last = dots[dots.size() - 1];
  const std::size_t second = dots[dots.size() - 2];
  const bool registry =
      last + 3 == host.size() && kRegistries.contains(host.substr(second + 1, last - second - 1));
  if (!registry) return host.substr(second + 1);
  return dots.size() < 3 ? host : host.substr(dots[dots.size() - 3] + 1);
}

class Crawl {
 public:
  Crawl(const learn::RowSample& sample, const Parameters& parameters)
      : sample_(sample),
        parameters_(parameters),
        urls_(learn::cell_texts(sample.rows.find("url"))),
        pages_(learn::cell_texts(sample.rows.find("html"))) {}

  Examination run() {
    changed();
    hidden();
    copies();
    shares();
    count("pages changed after they were indexed", changed_);
    count("pages with text for programs alone", hidden_);
    count("pages that are copies over several domains", copied_);
    out_.statistics.push_back({.name = "pages read",
                               .value = static_cast<double>(pages_.size()) /
                                        static_cast<double>(std::max<std::uint64_t>(sample_.seen, 1)),
                               .sample_size = sample_.seen});
    return std::move(out_);
  }

 private:
  void say(Severity severity, Confidence confidence, std::size_t row, std::string rule, std::string message,
           std::string remedy) {
    out_.findings.push_back(
        {.severity = severity,
         .confidence = confidence,
         .where = {.path = sample_.rows.name, .row = sample_.numbers[row], .column = "html"},
         .message = std::move(message),
         .remedy = std::move(remedy),
         .rule = std::move(rule)});
  }

  std::string named(std::size_t row) const { return "the page " + formats::printable(urls_[row], 100); }

  void count(std::string name, std::size_t found) {
    const learn::Interval interval = learn::clopper_pearson(found, pages_.size());
    out_.statistics.push_back(
        {.name = std::move(name),
         .value = static_cast<double>(found) / static_cast<double>(std::max<std::size_t>(pages_.size(), 1)),
         .low = interval.low,
         .high = interval.high,
         .sample_size = pages_.size()});
  }

  void changed() {
    const Column* index = sample_.rows.find("sha256");
    if (index == nullptr) return;
    const std::vector<std::string> digests = learn::cell_texts(index);
    for (std::size_t row = 0; row < pages_.size(); ++row) {
      if (digests[row].empty() || lowered(digests[row]) == sha256(pages_[row]).hex()) continue;
      ++changed_;
      say(Severity::kHigh, Confidence::kHigh, row, "page-changed",
          named(row) + " is not the one that was indexed", "fetch it again, and index what was reviewed");
    }
  }

  void hidden() {
    const auto long_text = static_cast<std::size_t>(parameters_.get("hidden_words"));
    const auto invisible_max = static_cast<std::size_t>(parameters_.get("invisible"));
    for (std::size_t row = 0; row < pages_.size(); ++row) {
      PageText page = formats::read_page(pages_[row]);
      shown_.push_back(std::move(page.shown));
      bool counts = false;
      for (const HiddenText& text : page.hidden) {
        const bool instructs = formats::is_instruction(text.text);
        const std::size_t words = formats::words_in(text.text);
        if (!instructs && (text.screen_reader || words < long_text)) continue;
        counts = true;
        say(Severity::kHigh, instructs ? Confidence::kHigh : Confidence::kMedium, row, "page-hides-text",
            named(row) + " hides " + std::to_string(words) + " words by " + std::string(text.how) +
                (instructs ? ", which speak to a model: " : ": ") + shown(text.text, 80),
            "take the text that people see, or leave the page out");
      }
      if (!page.spelled.empty() || page.invisible >= invisible_max) {
        counts = true;
        say(Severity::kHigh, page.spelled.empty() ? Confidence::kMedium : Confidence::kHigh, row,
            "page-invisible-characters",
            named(row) + " holds " + std::to_string(page.invisible) + " characters that nobody sees" +
                (page.spelled.empty() ? "" : ", which spell " + shown(page.spelled, 80)),
            "strip them before the text is used");
      }
      hidden_ += counts ? 1 : 0;
    }
  }

  void copies() {
    std::vector<learn::TextSketch> sketches;
    for (const std::string& text : shown_) sketches.push_back(learn::sketch_text(learn::folded(text)));
    std::vector<std::size_t> head(pages_.size());
    std::iota(head.begin(), head.end(), std::size_t{0});
    const auto find = [&](std::size_t at) {
      while (head[at] != at) at = head[at] = head[head[at]];
      return at;
    };
    for (const learn::SimilarPair& pair : learn::similar_pairs(sketches, parameters_.get("similarity"))) {
      head[std::max(find(pair.query), find(pair.text))] = std::min(find(pair.query), find(pair.text));
    }
    std::map<std::size_t, std::vector<std::size_t>> groups;
    for (std::size_t row = 0; row < pages_.size(); ++row) {
      if (!sketches[row].shingles.empty()) groups[find(row)].push_back(row);
    }
    for (const auto& [first, rows] : groups) {
      std::set<std::string> domains;
      for (const std::size_t row : rows) domains.insert(domain_of(urls_[row]));
      if (static_cast<double>(rows.size()) < parameters_.get("copies") ||
          static_cast<double>(domains.size()) < parameters_.get("domains")) {
        continue;
      }
      copied_ += rows.size();
      for (const std::size_t row : rows) {
        say(Severity::kHigh, Confidence::kMedium, row, "page-is-a-copy",
            named(row) + " is one of " + std::to_string(rows.size()) + " near-copies on " +
                std::to_string(domains.size()) + " domains",
            "keep one of them; copies are no witnesses");
      }
    }
  }

  void shares() {
    std::map<std::string, std::size_t> pages;
    for (const std::string& url : urls_) ++pages[domain_of(url)];
    if (pages.size() < kDomainsMin) return;
    for (const auto& [domain, count] : pages) {
      const double share = static_cast<double>(count) / static_cast<double>(pages_.size());
      if (share <= parameters_.get("domain_share")) continue;
      out_.findings.push_back({.severity = Severity::kMedium,
                               .where = {.path = sample_.rows.name, .column = "url"},
                               .message = "the domain " + formats::printable(domain, 100) + " supplies " +
                                          std::to_string(count) + " of " + std::to_string(pages_.size()) +
                                          " pages",
                               .remedy = "set a quota, or raise domain_share in the policy",
                               .rule = "domain-over-quota"});
    }
  }

  static std::string shown(std::string_view text, std::size_t bytes) {
    return "'" + formats::printable(text, bytes) + "'";
  }

  const learn::RowSample& sample_;
  const Parameters& parameters_;
  std::vector<std::string> urls_;
  std::vector<std::string> pages_;
  std::vector<std::string> shown_;
  std::size_t changed_ = 0;
  std::size_t hidden_ = 0;
  std::size_t copied_ = 0;
  Examination out_;
};

Result<Examination> judge(const std::any& summary, const Contract&, const Parameters& parameters) {
  const learn::RowSample sample = TRY(learn::settled(std::any_cast<const learn::RowSample&>(summary)));
  if (sample.rows.find("url") == nullptr || sample.rows.find("html") == nullptr) return Examination{};
  return Crawl(sample, parameters).run();
}

}  // namespace

const Guard crawl_taint{
    .id = "crawl_taint",
    .threats = {"acq-scrape-taint"},
    .summary = "crawled pages that changed after indexing, hide text from people, or repeat one claim",
    .looks_for =
        "pages that are not what their index says, text that only programs read, near-copies over several "
        "domains, domains over their quota",
    .parameters = kParameters,
    .dataset = {.summarise = learn::summarise_sample, .merge = learn::merge_samples, .judge = judge}};

}  // namespace sallyport::data_engineering::data_acquisition
