#include "formats/python_scopes.h"

#include <algorithm>
#include <string>

namespace sallyport::formats::python {
namespace {

struct Block {
  std::size_t indent = 0;
  int scope = kModuleScope;
  std::string_view name_of_class = {};
};

class Walker {
 public:
  Walker(std::string_view source, const std::vector<Token>& tokens) : source_(source), tokens_(tokens) {}

  Scopes run() {
    out_.of_token.assign(tokens_.size(), kModuleScope);
    out_.decorates.assign(tokens_.size(), false);
    for (std::size_t i = 0; i + 2 < tokens_.size(); ++i) {
      renamed_ = renamed_ || (is(i, "__name__") && is(i + 1, "=") && !is(i + 2, "="));
    }
    for (std::size_t begin = 0; begin < tokens_.size();) {
      std::size_t end = begin;
      while (end < tokens_.size() && tokens_[end].kind != TokenKind::kLineEnd) ++end;
      if (end > begin) line(begin, end);
      begin = end + 1;
    }
    return std::move(out_);
  }

 private:
  bool is(std::size_t i, std::string_view text) const { return tokens_[i].text == text; }

  std::size_t column(std::size_t i) const {
    const auto at = static_cast<std::size_t>(tokens_[i].text.data() - source_.data());
    const std::size_t before = at == 0 ? source_.npos : source_.find_last_of("\r\n", at - 1);
    return before == source_.npos ? at : at - before - 1;
  }

  void line(std::size_t begin, std::size_t end) {
    const std::size_t indent = column(begin);
    while (!blocks_.empty() && indent <= blocks_.back().indent) blocks_.pop_back();
    const int around = blocks_.empty() ? kModuleScope : blocks_.back().scope;
    std::fill(out_.of_token.begin() + static_cast<std::ptrdiff_t>(begin),
              out_.of_token.begin() + static_cast<std::ptrdiff_t>(end), around);
    if (is(begin, "@")) out_.decorates[begin] = true;
    std::size_t word = begin;
    if (is(word, "async") && word + 1 < end) ++word;
    if (is(word, "class") && word + 1 < end) {
      blocks_.push_back({.indent = indent, .scope = around, .name_of_class = tokens_[word + 1].text});
    } else if (is(word, "def") && word + 1 < end) {
      const std::string_view holder = blocks_.empty() ? "" : blocks_.back().name_of_class;
      enter({.name = tokens_[word + 1].text, .of_class = holder}, indent, word, end);
    } else if (is_script_guard(begin, end)) {
      enter({}, indent, begin, end);
    }
  }

  void enter(Function function, std::size_t indent, std::size_t begin, std::size_t end) {
    const int scope = static_cast<int>(out_.functions.size());
    out_.functions.push_back(function);
    blocks_.push_back({.indent = indent, .scope = scope});
    // A body on the line of its definition stands behind the colon that no bracket holds.
    std::size_t depth = 0;
    for (std::size_t i = begin; i < end; ++i) {
      if (is(i, "(") || is(i, "[") || is(i, "{")) ++depth;
      if ((is(i, ")") || is(i, "]") || is(i, "}")) && depth > 0) --depth;
      if (depth != 0 || !is(i, ":")) continue;
      std::fill(out_.of_token.begin() + static_cast<std::ptrdiff_t>(i),
                out_.of_token.begin() + static_cast<std::ptrdiff_t>(end), scope);
      return;
    }
  }

  bool is_script_guard(std::size_t begin, std::size_t end) const {
    if (renamed_ || !is(begin, "if")) return false;
    std::string text;
    for (std::size_t i = begin + 1; i < end && i < begin + 7; ++i) text += tokens_[i].text;
    std::ranges::replace(text, '\'', '"');
    return text.starts_with("__name__==\"__main__\":") || text.starts_with("\"__main__\"==__name__:");
  }

  std::string_view source_;
  const std::vector<Token>& tokens_;
  std::vector<Block> blocks_;
  bool renamed_ = false;  // the module gives itself another name, which the guard then believes
  Scopes out_;
};

}  // namespace

Scopes scopes_of(std::string_view source, const std::vector<Token>& tokens) {
  return Walker(source, tokens).run();
}

}  // namespace sallyport::formats::python
