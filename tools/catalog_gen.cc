// Turns catalog/threats.yaml into the C++ table that catalog/catalog.cc includes. Runs at build time.
#include <yaml-cpp/yaml.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

std::string stage_constant(const std::string& name) {
  std::string out = "Stage::k";
  bool upper = true;
  for (const char c : name) {
    if (c == '_') {
      upper = true;
      continue;
    }
    out += upper ? static_cast<char>(std::toupper(c)) : c;
    upper = false;
  }
  return out;
}

std::string standards(const YAML::Node& threat) {
  std::string out;
  for (const char* taxonomy : {"atlas", "owasp_ml", "owasp_llm", "nist_ai_100_2", "cwe"}) {
    for (const YAML::Node& id : threat[taxonomy]) out += (out.empty() ? "" : " ") + id.as<std::string>();
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: catalog_gen threats.yaml threats.inc\n");
    return 64;
  }
  try {
    std::ofstream out(argv[2]);
    const YAML::Node root = YAML::LoadFile(argv[1]);
    for (const YAML::Node& threat : root["threats"]) {
      out << "{" << quoted(threat["id"].as<std::string>()) << ", "
          << stage_constant(threat["stage"].as<std::string>());
      out << ",\n " << quoted(threat["title"].as<std::string>()) << ",\n "
          << quoted(threat["summary"].as<std::string>());
      out << ",\n " << quoted(standards(threat));
      for (const char* member : {"guard", "drill", "metric"})
        out << ",\n " << quoted(threat[member].as<std::string>());
      out << "},\n";
    }
    return out.good() ? 0 : 1;
  } catch (const YAML::Exception& error) {
    std::fprintf(stderr, "catalog_gen: %s: %s\n", argv[1], error.what());
    return 1;
  }
}
