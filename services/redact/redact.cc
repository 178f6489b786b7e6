#include "services/redact/redact.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>

namespace sallyport::services::redact {

// The automaton as one table: a row a state, a column a class of bytes. Bytes that no form holds share class
// 0; ends of lines have a class that leads back to the state itself.
class Table {
 public:
  static constexpr std::uint32_t kHit = 0x80000000U;

  explicit Table(const std::vector<Secret>& secrets) {
    std::vector<std::pair<std::string, std::uint32_t>> forms;
    for (std::uint32_t i = 0; i < secrets.size(); ++i) {
      names_.push_back(secrets[i].name);
      for (std::string& form : forms_of(secrets[i].value)) forms.emplace_back(std::move(form), i);
    }
    number_classes(forms);
    add_state(0);
    for (const auto& [form, secret] : forms) add_form(form, secret);
    link();
  }

  std::uint32_t step(std::uint32_t state, char c) const {
    return next_[state * classes_ + class_[static_cast<unsigned char>(c)]];
  }
  // Of a state: how many bytes of a form it stands for, the longest form that ends in it, and whose it is.
  std::size_t depth(std::uint32_t state) const { return depth_[state]; }
  std::size_t length(std::uint32_t state) const { return length_[state]; }
  std::uint32_t secret(std::uint32_t state) const { return secret_[state]; }
  const std::string& name(std::uint32_t secret) const { return names_[secret]; }

  // The first byte from `from` on that may begin a form.
  std::size_t skip(std::string_view text, std::size_t from) const {
    while (from < text.size() && !begins_[static_cast<unsigned char>(text[from])]) ++from;
    return from;
  }

 private:
  void number_classes(const std::vector<std::pair<std::string, std::uint32_t>>& forms) {
    for (const auto& [form, secret] : forms) {
      begins_[static_cast<unsigned char>(form[0])] = true;
      for (const char c : form) {
        std::uint8_t& number = class_[static_cast<unsigned char>(c)];
        if (number == 0) number = static_cast<std::uint8_t>(classes_++);
      }
    }
    ends_of_lines_ = classes_++;
    for (const char c : {'\n', '\r'})
      class_[static_cast<unsigned char>(c)] = static_cast<std::uint8_t>(ends_of_lines_);
  }

  std::uint32_t add_state(std::uint32_t depth) {
    next_.resize(next_.size() + classes_, 0);
    depth_.push_back(depth);
    length_.push_back(0);
    secret_.push_back(0);
    return static_cast<std::uint32_t>(depth_.size() - 1);
  }

  void add_form(std::string_view form, std::uint32_t secret) {
    std::uint32_t state = 0;
    for (const char c : form) {
      const std::size_t at = state * classes_ + class_[static_cast<unsigned char>(c)];
      if (next_[at] == 0) {
        const std::uint32_t fresh = add_state(depth_[state] + 1);
        next_[at] = fresh;
      }
      state = next_[at];
    }
    length_[state] = static_cast<std::uint32_t>(form.size());
    secret_[state] = secret;
  }

  // Breadth first: what a state lacks it has from the longest of its own ends that is a state.
  void link() {
    std::vector<std::uint32_t> back(depth_.size(), 0);
    std::deque<std::uint32_t> open{0};
    while (!open.empty()) {
      const std::uint32_t state = open.front();
      open.pop_front();
      if (length_[state] == 0) {
        length_[state] = length_[back[state]];
        secret_[state] = secret_[back[state]];
      }
      for (std::size_t k = 0; k < classes_; ++k) {
        std::uint32_t& child = next_[state * classes_ + k];
        const std::uint32_t other = state == 0 ? 0 : next_[back[state] * classes_ + k];
        if (child == 0) {
          child = other;
        } else {
          back[child] = other;
          open.push_back(child);
        }
      }
    }
    for (std::uint32_t state = 0; state < depth_.size(); ++state)
      next_[state * classes_ + ends_of_lines_] = state;
    for (std::uint32_t& state : next_) {
      if (length_[state] > 0) state |= kHit;
    }
    // An end of a line changes nothing, so it is no hit again.
    for (std::uint32_t state = 0; state < depth_.size(); ++state)
      next_[state * classes_ + ends_of_lines_] = state;
  }

  std::array<std::uint8_t, 256> class_{};
  std::array<bool, 256> begins_{};
  std::size_t classes_ = 1;
  std::size_t ends_of_lines_ = 0;
  std::vector<std::uint32_t> next_;
  std::vector<std::uint32_t> depth_;
  std::vector<std::uint32_t> length_;
  std::vector<std::uint32_t> secret_;
  std::vector<std::string> names_;
};

namespace {

bool is_end_of_line(char c) { return c == '\n' || c == '\r'; }

// Where the `count` bytes before `end` begin, ends of lines not counted.
std::size_t begin_of(std::string_view text, std::size_t end, std::size_t count) {
  while (end > 0 && count > 0) {
    --end;
    if (!is_end_of_line(text[end])) --count;
  }
  return end;
}

}  // namespace

Result<Redactor> Redactor::make(const std::vector<Secret>& secrets) {
  if (secrets.size() > kSecretsMax)
    return fail(ErrorKind::kLimit, "redact: more than " + std::to_string(kSecretsMax) + " secrets");
  for (const Secret& secret : secrets) {
    if (secret.value.size() < kSecretBytesMin) {
      return invalid("secret " + secret.name + ": shorter than " + std::to_string(kSecretBytesMin) +
                         " bytes, so it cannot be told from other text in a log",
                     "give it a longer value");
    }
    if (secret.value.size() > kSecretBytesMax)
      return fail(ErrorKind::kLimit, "secret " + secret.name + ": too long");
  }
  return Redactor(std::make_shared<const Table>(secrets));
}

std::string Redactor::Stream::take(std::string_view chunk) {
  std::size_t at = held_.size();
  held_ += chunk;
  const std::string_view text = held_;
  std::uint32_t state = state_;
  while (at < text.size()) {
    if (state == 0) {
      at = table_->skip(text, at);
      if (at == text.size()) break;
    }
    state = table_->step(state, text[at++]);
    if ((state & Table::kHit) == 0) continue;
    state &= ~Table::kHit;
    Hit hit{begin_of(text, at, table_->length(state)), at, table_->secret(state)};
    while (!hits_.empty() && hits_.back().end > hit.begin) {
      hit.begin = std::min(hit.begin, hits_.back().begin);
      hits_.pop_back();
    }
    hits_.push_back(hit);
  }
  state_ = state;
  // A step that prints ends of lines alone must not make us hold all of them.
  constexpr std::size_t kHeldMax = 4 * 6 * kSecretBytesMax;
  const std::size_t begin = begin_of(held_, held_.size(), table_->depth(state_));
  if (held_.size() - begin > kHeldMax) {
    state_ = 0;
    return release(held_.size());
  }
  return release(begin);
}

std::string Redactor::Stream::finish() {
  state_ = 0;
  return release(held_.size());
}

// All before `end` goes out, with names in the place of secrets; a secret that goes on behind it waits.
std::string Redactor::Stream::release(std::size_t end) {
  if (!hits_.empty() && hits_.back().begin < end && hits_.back().end > end) end = hits_.back().begin;
  std::string out;
  std::size_t at = 0, done = 0;
  for (; done < hits_.size() && hits_[done].end <= end; ++done) {
    const Hit& hit = hits_[done];
    out.append(held_, at, hit.begin - at);
    out += "[redacted " + table_->name(hit.secret) + "]";
    at = hit.end;
  }
  out.append(held_, at, end - at);
  held_.erase(0, end);
  hits_.erase(hits_.begin(), hits_.begin() + static_cast<std::ptrdiff_t>(done));
  for (Hit& hit : hits_) {
    hit.begin -= end;
    hit.end -= end;
  }
  return out;
}

std::string Redactor::redact(std::string_view text) const {
  Stream one = stream();
  std::string out = one.take(text);
  return out + one.finish();
}

}  // namespace sallyport::services::redact
