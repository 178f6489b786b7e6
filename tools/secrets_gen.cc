// Turns formats/secret_rules.txt into the table that formats/secrets.cc includes, and its patterns into the
// database that formats/secrets_matcher.cc embeds. Runs at build time; what breaks the file's form ends it.
#include <zlib.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "tools/secrets_compile.h"

namespace {

using namespace sallyport;

struct Rule {
  std::string id = {}, what = {}, match = {}, more = {}, near = {}, value = {}, size = {}, check = {};
  std::vector<std::string> found = {}, passed_over = {};
};

[[noreturn]] void complain(std::size_t line, const std::string& what) {
  std::cerr << "secret_rules.txt:" << line << ": " << what << "\n";
  std::exit(1);
}

// Without seams, and with its escapes resolved.
std::string example(std::string_view text, std::size_t line) {
  constexpr std::string_view kSeam = "{-}";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with(kSeam)) {
      i += kSeam.size() - 1;
    } else if (text[i] == '\\') {
      if (++i == text.size() || (text[i] != 'n' && text[i] != '\\'))
        complain(line, "an escape other than \\n, \\\\");
      out += text[i] == 'n' ? '\n' : '\\';
    } else {
      out += text[i];
    }
  }
  return out;
}

void set(Rule& rule, std::string_view key, std::string value, std::size_t line) {
  if (key == "true") return rule.found.push_back(example(value, line));
  if (key == "false") return rule.passed_over.push_back(example(value, line));
  std::string* const member = key == "rule"    ? &rule.id
                              : key == "what"  ? &rule.what
                              : key == "match" ? &rule.match
                              : key == "more"  ? &rule.more
                              : key == "near"  ? &rule.near
                              : key == "value" ? &rule.value
                              : key == "size"  ? &rule.size
                              : key == "check" ? &rule.check
                                               : nullptr;
  if (member == nullptr) complain(line, "no key '" + std::string(key) + "'");
  if (!member->empty()) complain(line, std::string(key) + " stands twice");
  *member = std::move(value);
}

void finish(std::vector<Rule>& rules, Rule& rule, std::size_t line) {
  if (rule.id.empty()) return;
  if (rule.match.empty() == rule.near.empty()) complain(line, rule.id + ": either match or near");
  if (rule.near.empty() != rule.size.empty()) complain(line, rule.id + ": near, value and size go together");
  if (rule.what.empty() || rule.check.empty() || rule.found.empty())
    complain(line, rule.id + ": what, check and a true example are needed");
  rules.push_back(std::move(rule));
  rule = {};
}

std::vector<Rule> read_rules(std::istream& in) {
  constexpr std::size_t kColumn = 7;
  std::vector<Rule> rules;
  Rule rule;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.starts_with('#')) continue;
    if (line.empty()) {
      finish(rules, rule, number);
      continue;
    }
    if (line.size() <= kColumn) complain(number, "a key without a value");
    const std::string key = line.substr(0, line.find(' '));
    set(rule, key, line.substr(kColumn), number);
  }
  finish(rules, rule, number);
  return rules;
}

std::string pascal(std::string_view name) {
  std::string out = "k";
  bool upper = true;
  for (const char c : name) {
    if (c != '-') out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = c == '-';
  }
  return out;
}

std::string quoted(std::string_view text) { return "R\"~~(" + std::string(text) + ")~~\""; }

void print_examples(std::ostream& out, const std::string& name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  out << "constexpr std::string_view " << name << "[] = {";
  for (const std::string& text : texts) out << quoted(text) << ",";
  out << "};\n";
}

void print(std::ostream& out, const std::vector<Rule>& rules) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    print_examples(out, "kFound" + std::to_string(i), rules[i].found);
    print_examples(out, "kPassedOver" + std::to_string(i), rules[i].passed_over);
  }
  out << "constexpr SecretRule kRules[] = {\n";
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    const std::string number = std::to_string(i);
    out << "{" << quoted(rule.id) << "," << quoted(rule.what) << "," << quoted(rule.match) << ","
        << quoted(rule.near.empty() ? rule.more : rule.value) << "," << quoted(rule.near) << ","
        << quoted(rule.size) << ",SecretCheck::" << pascal(rule.check) << ",kFound" << number << ","
        << (rule.passed_over.empty() ? "{}" : "kPassedOver" + number) << "},\n";
  }
  out << "};\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  std::ifstream in(argv[1]);
  const std::vector<Rule> rules = read_rules(in);
  std::ofstream table(argv[2]);
  print(table, rules);
  std::vector<tools::SecretPattern> patterns;
  for (const Rule& rule : rules) patterns.push_back({.id = rule.id, .match = rule.match, .words = rule.near});
  const auto bytes = tools::compile_secret_patterns(patterns);
  if (!bytes) complain(0, bytes.error().message);
  // Packed to a ninth; whoever searches unpacks it once.
  Bytes packed(compressBound(bytes->size()));
  uLongf size = packed.size();
  if (compress2(packed.data(), &size, bytes->data(), bytes->size(), Z_BEST_COMPRESSION) != Z_OK) {
    complain(0, "the patterns cannot be packed");
  }
  std::ofstream out(argv[3], std::ios::binary);
  out.write(reinterpret_cast<const char*>(packed.data()), static_cast<std::streamsize>(size));
  return table && out ? 0 : 1;
}
