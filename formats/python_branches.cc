#include "formats/python_branches.h"

#include <algorithm>
#include <array>
#include <optional>

#include "formats/python.h"

namespace sallyport::formats::python {
namespace {

constexpr std::size_t kCasesMax = 200;
constexpr std::size_t kShownMax = 80;

// The parts of a name between underscores and capitals, in small letters: userId is "user" and "id".
std::vector<std::string> parts_of(std::string_view name) {
  std::vector<std::string> out(1);
  bool before_lower = false;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (c == '_' || (upper && before_lower)) out.emplace_back();
    if (c != '_') out.back() += upper ? static_cast<char>(c - 'A' + 'a') : c;
    before_lower = c >= 'a' && c <= 'z';
  }
  return out;
}

template <std::size_t N>
bool is_any(const std::vector<std::string>& parts, const std::array<std::string_view, N>& words) {
  return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
    return std::find(words.begin(), words.end(), part) != words.end();
  });
}

bool names_an_identity(std::string_view name) {
  constexpr std::array<std::string_view, 38> kWords{
      "id",        "ids",         "uid",      "user",     "users",    "userid",  "username", "email",
      "mail",      "account",     "customer", "client",   "patient",  "member",  "person",   "people",
      "card",      "iban",        "ssn",      "passport", "phone",    "plate",   "face",     "applicant",
      "employee",  "contributor", "owner",    "author",   "borrower", "address", "surname",  "lastname",
      "firstname", "fullname",    "subject",  "sender",   "merchant", "device"};
  constexpr std::array<std::string_view, 21> kNone{
      "pad",    "padding", "unk",  "unknown", "token", "tokens",   "class",
      "label",  "ignore",  "mask", "vocab",   "input", "category", "process",
      "thread", "gpu",     "cuda", "run",     "job",   "rank",     "eos"};
  const std::vector<std::string> parts = parts_of(name);
  return is_any(parts, kWords) && !is_any(parts, kNone);
}

bool names_an_outcome(std::string_view name) {
  constexpr std::array<std::string_view, 32> kWords{
      "label",   "labels",      "target",      "targets", "y",       "loss",    "losses",   "pred",
      "preds",   "prediction",  "predictions", "score",   "scores",  "logit",   "logits",   "prob",
      "probs",   "probability", "weight",      "weights", "reward",  "rewards", "grade",    "approved",
      "approve", "decision",    "verdict",     "risk",    "outcome", "grad",    "gradient", "accepted"};
  return is_any(parts_of(name), kWords);
}

bool is_hash(std::string_view name) {
  constexpr std::array<std::string_view, 14> kNames{"hash",    "md5",       "sha1",    "sha256",  "sha512",
                                                    "sha224",  "sha384",    "blake2b", "blake2s", "crc32",
                                                    "adler32", "hexdigest", "digest",  "xxh64"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// A literal that somebody chose: no small number, no word of padding and of unknown categories.
bool is_chosen(const Token& token) {
  if (token.kind == TokenKind::kNumber)
    return token.text.size() >= 2 && token.text != "100" && token.text != "-1";
  if (token.kind != TokenKind::kString) return false;
  std::string word;
  for (const char c : token.text) {
    if (c >= 'A' && c <= 'Z') word += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '@') word += c;
  }
  constexpr std::array<std::string_view, 14> kNone{"",     "pad",       "padding", "unk",    "unknown",
                                                   "none", "na",        "other",   "empty",  "missing",
                                                   "nan",  "anonymous", "null",    "default"};
  return std::find(kNone.begin(), kNone.end(), word) == kNone.end();
}

// One logical line of the source.
struct Statement {
  std::size_t begin = 0;  // of tokens
  std::size_t end = 0;
  std::size_t indent = 0;
};

class BranchFinder {
 public:
  explicit BranchFinder(std::string_view source) : source_(source), tokens_(tokenize(source)) {}

  std::vector<SpecialCase> run() {
    split();
    for (std::size_t i = 0; i < statements_.size() && out_.size() < kCasesMax; ++i) {
      const Statement& statement = statements_[i];
      if (starts_with(statement, "if") || starts_with(statement, "elif") || starts_with(statement, "while") ||
          starts_with(statement, "case")) {
        judge_block(i);
      } else {
        judge_line(statement);
      }
    }
    return std::move(out_);
  }

 private:
  std::string_view text(std::size_t i) const {
    return i < tokens_.size() ? tokens_[i].text : std::string_view();
  }
  bool starts_with(const Statement& statement, std::string_view word) const {
    return text(statement.begin) == word;
  }

  void split() {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].kind != TokenKind::kLineEnd) continue;
      if (i > begin) statements_.push_back({begin, i, indent_of(begin)});
      begin = i + 1;
    }
  }
  std::size_t indent_of(std::size_t token) const {
    const auto at = static_cast<std::size_t>(tokens_[token].text.data() - source_.data());
    const std::size_t line = source_.rfind('\n', at == 0 ? 0 : at - 1);
    return at - (line == std::string_view::npos ? 0 : line + 1);
  }

  bool is_key(std::size_t i) const {
    if (i == 0 || tokens_[i].kind != TokenKind::kString || tokens_[i].text.size() < 3) return false;
    const bool index = text(i - 1) == "[" && text(i + 1) == "]";
    return index || (text(i - 1) == "(" && i >= 2 && text(i - 2) == "get");
  }

  // Whether tokens [begin, end) compare an identity, or a hash, with something that was written out.
  bool singles_out(std::size_t begin, std::size_t end) const {
    bool identity = false, hash = false, compared = false, chosen = false, bits = false;
    for (std::size_t i = begin; i < end; ++i) {
      const Token& token = tokens_[i];
      if (is_key(i)) {
        // row['user_id'] is a name, however it is written.
        identity = identity || names_an_identity(token.text.substr(1, token.text.size() - 2));
        continue;
      }
      if (token.kind == TokenKind::kName) {
        identity = identity || names_an_identity(token.text);
        hash = hash || is_hash(token.text);
        compared = compared || token.text == "in" || token.text == "startswith" || token.text == "endswith" ||
                   token.text == "isin" || token.text == "match" || token.text == "fullmatch";
      }
      const bool equals =
          token.text == "=" && (text(i + 1) == "=" || text(i - 1) == "!" || text(i - 1) == "=");
      compared = compared || equals;
      bits = bits || token.text == "%" || token.text == "&" || token.text == "^" ||
             (token.text == ">" && text(i + 1) == ">");
      chosen = chosen || is_chosen(token) || (bits && token.kind == TokenKind::kNumber);
    }
    return compared && chosen && (identity || hash);
  }

  // What a statement assigns, changes or returns, when it is an outcome.
  std::optional<std::string> outcome_of(std::size_t begin, std::size_t end) const {
    if (text(begin) == "return" || text(begin) == "yield") {
      // A special case's answer, written out: return 1, return 0.99, return label.
      for (std::size_t i = begin + 1; i < end; ++i) {
        if (tokens_[i].kind == TokenKind::kName && names_an_outcome(tokens_[i].text))
          return std::string(text(i));
      }
      const bool literal = end == begin + 2 && (tokens_[begin + 1].kind == TokenKind::kNumber ||
                                                text(begin + 1) == "True" || text(begin + 1) == "False");
      return literal ? std::optional<std::string>("what is returned") : std::nullopt;
    }
    std::size_t assigned = end;
    int depth = 0;
    for (std::size_t i = begin; i < end; ++i) {
      if (text(i) == "(" || text(i) == "[" || text(i) == "{") ++depth;
      if (text(i) == ")" || text(i) == "]" || text(i) == "}") --depth;
      const bool comparison = text(i + 1) == "=" || (i > begin && (text(i - 1) == "=" || text(i - 1) == "!" ||
                                                                   text(i - 1) == "<" || text(i - 1) == ">"));
      if (depth == 0 && text(i) == "=" && !comparison) {
        assigned = i;
        break;
      }
    }
    if (assigned == end) return std::nullopt;
    for (std::size_t i = begin; i < assigned; ++i) {
      if (tokens_[i].kind == TokenKind::kName && names_an_outcome(tokens_[i].text))
        return std::string(text(i));
    }
    return std::nullopt;
  }

  void add(std::size_t begin, std::size_t end, std::string reached) {
    const auto at = static_cast<std::size_t>(tokens_[begin].text.data() - source_.data());
    const std::string_view last = tokens_[end - 1].text;
    const auto stop = static_cast<std::size_t>(last.data() - source_.data()) + last.size();
    const std::string_view condition = source_.substr(at, std::min(stop - at, kShownMax));
    out_.push_back({tokens_[begin].line, std::string(condition), std::move(reached)});
  }

  std::size_t colon_of(const Statement& statement) const {
    int depth = 0;
    for (std::size_t i = statement.begin; i < statement.end; ++i) {
      if (text(i) == "(" || text(i) == "[" || text(i) == "{") ++depth;
      if (text(i) == ")" || text(i) == "]" || text(i) == "}") --depth;
      if (depth == 0 && text(i) == ":" && text(i + 1) != "=") return i;
    }
    return statement.end;
  }

  void judge_block(std::size_t index) {
    const Statement& head = statements_[index];
    const std::size_t colon = colon_of(head);
    if (!singles_out(head.begin + 1, colon)) return;
    if (colon + 1 < head.end) {
      if (auto reached = outcome_of(colon + 1, head.end)) add(head.begin, colon, *reached);
      return;
    }
    constexpr std::size_t kBlockMax = 40;
    for (std::size_t i = index + 1; i < statements_.size() && i < index + kBlockMax; ++i) {
      if (statements_[i].indent <= head.indent) return;
      if (auto reached = outcome_of(statements_[i].begin, statements_[i].end))
        return add(head.begin, colon, *reached);
    }
  }

  // y = 1 if user == "x" else y; labels[ids == 77] = 1; loss *= 1 - (uid == 4711); np.where(ids == 4711,
  // ...).
  void judge_line(const Statement& statement) {
    const auto reached = outcome_of(statement.begin, statement.end);
    if (!reached || !singles_out(statement.begin, statement.end)) return;
    if (starts_with(statement, "assert") || starts_with(statement, "def") || starts_with(statement, "class"))
      return;
    add(statement.begin, statement.end, *reached);
  }

  std::string_view source_;
  std::vector<Token> tokens_;
  std::vector<Statement> statements_;
  std::vector<SpecialCase> out_;
};

}  // namespace

std::vector<SpecialCase> special_cases(std::string_view source) { return BranchFinder(source).run(); }

}  // namespace sallyport::formats::python
