// Turns packs/*.yaml into the table that formats/pickle_policy.cc includes. Runs at build time.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "formats/pickle_table.h"

namespace {

using namespace sallyport;
using namespace sallyport::formats::pickle;

// As a string literal in pieces, since a compiler need not take one of 64 KiB, and with its length, which a
// compiler need not count that far.
void print_text(std::ostream& out, std::string_view text) {
  out << "constexpr char kLetters[] =";
  for (std::size_t at = 0; at < text.size(); at += 100) out << "\n  R\"(" << text.substr(at, 100) << ")\"";
  out << ";\nconstexpr std::string_view kPackText(kLetters, sizeof(kLetters) - 1);\n";
}

void print(std::ostream& out, TextAt at) { out << "{" << at.offset << "," << at.size << "}"; }

void print(std::ostream& out, const Shape& shape) {
  out << "{" << shape.first << "," << shape.size << "," << shape.free << "," << shape.whole << "}";
}

void print(std::ostream& out, const Table& table) {
  print_text(out, table.text);
  out << "constexpr Entry kEntries[] = {";
  for (const Entry& entry : table.entries) {
    out << "\n{";
    print(out, entry.module);
    out << ",";
    print(out, entry.name);
    out << "," << entry.rule << "},";
  }
  out << "};\nconstexpr Rule kRules[] = {";
  for (const Rule& rule : table.rules) {
    out << "\n{" << rule.ways << ",";
    print(out, rule.arguments);
    out << ",";
    print(out, rule.state);
    out << "," << rule.first_key << "," << rule.keys << "," << rule.pack << "},";
  }
  out << "};\nconstexpr Position kPositions[] = {";
  for (const Position& position : table.positions) {
    out << "\n{" << position.types << "," << position.first_literal << ","
        << static_cast<int>(position.literals) << ",Often{" << static_cast<int>(position.often) << "}},";
  }
  out << "};\nconstexpr TextAt kLiterals[] = {";
  for (const TextAt literal : table.literals) {
    print(out, literal);
    out << ",";
  }
  out << "};\nconstexpr PackAt kPacks[] = {";
  for (const PackAt& pack : table.packs) {
    out << "{";
    print(out, pack.label);
    out << "},";
  }
  out << "};\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: packs_gen packs.inc PACK.yaml...\n");
    return 64;
  }
  std::vector<Pack> packs;
  for (int i = 2; i < argc; ++i) {
    std::ostringstream text;
    text << std::ifstream(argv[i]).rdbuf();
    Result<Pack> pack = parse_pack(text.str(), argv[i]);
    if (!pack) {
      std::fprintf(stderr, "packs_gen: %s\n", pack.error().message.c_str());
      return 1;
    }
    packs.push_back(std::move(*pack));
  }
  const Result<CompiledTable> compiled = compile_packs(packs);
  if (!compiled) {
    std::fprintf(stderr, "packs_gen: %s\n", compiled.error().message.c_str());
    return 1;
  }
  std::ofstream out(argv[1]);
  print(out, compiled->table());
  return out.good() ? 0 : 1;
}
