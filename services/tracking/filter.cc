#include "services/tracking/filter.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/bytes.h"
#include "core/limits/tracking.h"

namespace sallyport::services::tracking {
namespace {

using namespace std::string_view_literals;

struct Word {
  enum class Kind : std::uint8_t { kName, kText, kNumber, kSign, kEnd } kind = Kind::kEnd;
  std::string text = {};
  // Of a name: its parts were in quotes, so that it is no keyword.
  bool quoted = false;
  // Of a name: what stands before the first dot outside quotes, and behind it.
  std::string entity = {};
  std::string key = {};
  double number = 0;
  std::size_t at = 0;
};

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-' || c == '/' ||
         c == ':' || c == '@' || static_cast<unsigned char>(c) >= 0x80;
}

bool same_word(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t at = 0; at < a.size(); ++at) {
    if (std::toupper(static_cast<unsigned char>(a[at])) != b[at]) return false;
  }
  return true;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<Word> next() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    if (at_ == text_.size()) return Word{.at = at_};
    const char c = text_[at_];
    if (c == '\'') return text_literal();
    if (std::isdigit(static_cast<unsigned char>(c)) != 0 || is_signed_number()) return number();
    if (c == '"' || c == '`' || is_name_character(c)) return name();
    return sign();
  }

  std::unexpected<Error> wrong(const std::string& what, std::size_t at) const {
    return invalid("Invalid filter: " + what + " at character " + std::to_string(at));
  }

 private:
  bool is_signed_number() const {
    const char c = text_[at_];
    if (c != '-' && c != '+' && c != '.') return false;
    const std::size_t next = at_ + 1;
    return next < text_.size() &&
           (std::isdigit(static_cast<unsigned char>(text_[next])) != 0 || text_[next] == '.');
  }

  // Between quotes; a quote that stands twice is one of the text.
  Result<std::string> quoted() {
    const char quote = text_[at_];
    const std::size_t start = at_++;
    std::string out;
    while (at_ < text_.size()) {
      if (text_[at_] != quote) {
        out += text_[at_++];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
        out += quote;
        at_ += 2;
      } else {
        ++at_;
        return out;
      }
    }
    return wrong("a quote is not closed", start);
  }

  Result<Word> text_literal() {
    Word word{.kind = Word::Kind::kText, .at = at_};
    word.text = TRY(quoted());
    return word;
  }

  Result<Word> number() {
    Word word{.kind = Word::Kind::kNumber, .at = at_};
    const std::size_t from = text_[at_] == '+' ? at_ + 1 : at_;
    const char* const last = text_.data() + text_.size();
    const auto [end, code] = std::from_chars(text_.data() + from, last, word.number);
    const auto stop = static_cast<std::size_t>(end - text_.data());
    const bool ends = stop == text_.size() || !is_name_character(text_[stop]);
    if (code != std::errc() || !ends || !std::isfinite(word.number)) return wrong("not a number", at_);
    word.text = std::string(text_.substr(from, stop - from));
    at_ = stop;
    return word;
  }

  // entity.key, where each of the two may stand in ` or "; a whole name in double quotes is a text as well.
  Result<Word> name() {
    Word word{.kind = Word::Kind::kName, .at = at_};
    bool dotted = false;
    const bool text_like = text_[at_] == '"';
    while (at_ < text_.size()) {
      const char c = text_[at_];
      std::string part;
      if (c == '"' || c == '`') {
        part = TRY(quoted());
        word.quoted = true;
      } else if (is_name_character(c)) {
        part = c;
        ++at_;
      } else {
        break;
      }
      if (part == "." && c == '.' && !dotted) {
        dotted = true;
        word.entity = std::exchange(word.key, {});
      } else {
        word.key += part;
      }
      word.text += part;
    }
    if (text_like && !dotted) word.kind = Word::Kind::kText;
    return word;
  }

  Result<Word> sign() {
    for (const std::string_view one : {">="sv, "<="sv, "!="sv, ">"sv, "<"sv, "="sv, "("sv, ")"sv, ","sv}) {
      if (!text_.substr(at_).starts_with(one)) continue;
      Word word{.kind = Word::Kind::kSign, .text = std::string(one), .at = at_};
      at_ += one.size();
      return word;
    }
    return wrong("unexpected " + shown(text_.substr(at_, 1)), at_);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

struct EntityName {
  std::string_view name;
  Entity entity;
};
constexpr std::array kEntities{
    EntityName{"metric", Entity::kMetric},
    EntityName{"metrics", Entity::kMetric},
    EntityName{"param", Entity::kParam},
    EntityName{"params", Entity::kParam},
    EntityName{"parameter", Entity::kParam},
    EntityName{"parameters", Entity::kParam},
    EntityName{"tag", Entity::kTag},
    EntityName{"tags", Entity::kTag},
    EntityName{"attribute", Entity::kAttribute},
    EntityName{"attributes", Entity::kAttribute},
    EntityName{"attr", Entity::kAttribute},
    EntityName{"run", Entity::kAttribute},
    EntityName{"dataset", Entity::kDataset},
    EntityName{"datasets", Entity::kDataset},
};

struct Named {
  Entity entity;
  std::string key;
};
Result<Named> entity_of(const Word& word) {
  if (word.entity.empty()) return Named{Entity::kAttribute, word.key};
  for (const auto& [name, entity] : kEntities) {
    if (name != word.entity) continue;
    if (word.key.empty()) break;
    return Named{entity, word.key};
  }
  return invalid("Invalid filter: no entity " + shown(word.entity) +
                 "; there are metric, parameter, tag, attribute and dataset");
}

struct Sign {
  std::string_view sign;
  Comparator comparator;
};
constexpr std::array kSigns{
    Sign{"=", Comparator::kEqual},   Sign{"!=", Comparator::kNotEqual},
    Sign{"<", Comparator::kLess},    Sign{"<=", Comparator::kLessEqual},
    Sign{">", Comparator::kGreater}, Sign{">=", Comparator::kGreaterEqual},
    Sign{"LIKE", Comparator::kLike}, Sign{"ILIKE", Comparator::kILike},
    Sign{"IN", Comparator::kIn},     Sign{"NOT", Comparator::kNotIn},
    Sign{"IS", Comparator::kIsNull},
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  Result<std::vector<Condition>> parse() {
    std::vector<Condition> out;
    word_ = TRY(lexer_.next());
    if (word_.kind == Word::Kind::kEnd) return out;
    while (true) {
      if (out.size() == limits::kFilterConditionsMax) {
        return invalid("Invalid filter: more than " + std::to_string(limits::kFilterConditionsMax) +
                       " conditions (kFilterConditionsMax)");
      }
      out.push_back(TRY(condition()));
      if (word_.kind == Word::Kind::kEnd) return out;
      TRY(keyword("AND"));
    }
  }

 private:
  bool is_keyword(std::string_view word) const {
    return word_.kind == Word::Kind::kName && !word_.quoted && same_word(word_.text, word);
  }
  Result<void> advance() {
    word_ = TRY(lexer_.next());
    return {};
  }
  Result<void> keyword(std::string_view word) {
    if (!is_keyword(word)) return lexer_.wrong(std::string(word) + " was expected", word_.at);
    return advance();
  }
  Result<void> sign(std::string_view sign) {
    if (word_.kind != Word::Kind::kSign || word_.text != sign) {
      return lexer_.wrong("'" + std::string(sign) + "' was expected", word_.at);
    }
    return advance();
  }

  Result<Comparator> comparator() {
    for (const auto& [name, comparator] : kSigns) {
      const bool is_sign = word_.kind == Word::Kind::kSign && word_.text == name;
      if (!is_sign && !is_keyword(name)) continue;
      TRY(advance());
      if (comparator == Comparator::kNotIn) TRY(keyword("IN"));
      if (comparator != Comparator::kIsNull) return comparator;
      const bool negated = is_keyword("NOT");
      if (negated) TRY(advance());
      TRY(keyword("NULL"));
      return negated ? Comparator::kIsNotNull : Comparator::kIsNull;
    }
    return lexer_.wrong("a comparison was expected", word_.at);
  }

  Result<Literal> literal() {
    Literal out;
    if (word_.kind == Word::Kind::kText) {
      out.is_text = true;
    } else if (word_.kind != Word::Kind::kNumber) {
      return lexer_.wrong("a text in quotes or a number was expected", word_.at);
    }
    out.text = word_.text;
    out.number = word_.number;
    TRY(advance());
    return out;
  }

  Result<Condition> condition() {
    if (word_.kind != Word::Kind::kName && word_.kind != Word::Kind::kText) {
      return lexer_.wrong("a name was expected", word_.at);
    }
    const Named named = TRY(entity_of(word_));
    Condition out{.entity = named.entity, .key = named.key};
    TRY(advance());
    out.comparator = TRY(comparator());
    if (out.comparator == Comparator::kIsNull || out.comparator == Comparator::kIsNotNull) return out;
    if (out.comparator != Comparator::kIn && out.comparator != Comparator::kNotIn) {
      out.values.push_back(TRY(literal()));
      return out;
    }
    TRY(sign("("));
    while (true) {
      if (out.values.size() == limits::kFilterListMax) {
        return invalid("Invalid filter: more than " + std::to_string(limits::kFilterListMax) +
                       " values in one list (kFilterListMax)");
      }
      out.values.push_back(TRY(literal()));
      if (word_.kind != Word::Kind::kSign || word_.text != ",") break;
      TRY(advance());
    }
    TRY(sign(")"));
    return out;
  }

  Lexer lexer_;
  Word word_;
};

Result<void> check_length(std::string_view text) {
  if (text.size() <= limits::kFilterBytesMax) return {};
  return invalid("Invalid filter: longer than " + std::to_string(limits::kFilterBytesMax) +
                 " bytes (kFilterBytesMax)");
}

}  // namespace

Result<std::vector<Condition>> parse_filter(std::string_view text) {
  TRY(check_length(text));
  return Parser(text).parse();
}

Result<Order> parse_order(std::string_view text) {
  TRY(check_length(text));
  Lexer lexer(text);
  const Word name = TRY(lexer.next());
  if (name.kind != Word::Kind::kName && name.kind != Word::Kind::kText) {
    return invalid("Invalid order_by " + shown(text) + ": a name was expected");
  }
  const Named named = TRY(entity_of(name));
  Order out{.entity = named.entity, .key = named.key};
  const Word direction = TRY(lexer.next());
  if (direction.kind == Word::Kind::kEnd) return out;
  const bool known = direction.kind == Word::Kind::kName && !direction.quoted;
  out.descending = known && same_word(direction.text, "DESC");
  const bool ascending = known && same_word(direction.text, "ASC");
  if ((!out.descending && !ascending) || TRY(lexer.next()).kind != Word::Kind::kEnd) {
    return invalid("Invalid order_by " + shown(text) + ": NAME, NAME ASC or NAME DESC was expected");
  }
  return out;
}

}  // namespace sallyport::services::tracking
