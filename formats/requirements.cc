#include "formats/requirements.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/json.h"
#include "core/limits/repository.h"
#include "core/text.h"
#include "formats/yaml_tree.h"

namespace sallyport::formats {
namespace {

std::string_view unquoted(std::string_view text) {
  text = trimmed(text);
  while (!text.empty() && (text.back() == ',' || text.back() == ']'))
    text = trimmed(text.substr(0, text.size() - 1));
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front())
    return text.substr(1, text.size() - 2);
  return text;
}

bool is_commit(std::string_view reference) {
  return reference.size() == 40 && reference.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "name[extra] == 1.0 ; marker --hash=...", "name @ https://...", "git+https://...@commit#egg=name".
void add_requirement(std::string_view text, std::size_t line, Requirements& out) {
  text = trimmed(text);
  Requirement one{.line = line};
  one.hashed = has(text, "--hash=") || has(text, "#sha256=");
  if (has(text, "://") && !has(text.substr(0, text.find("://")), " @ ")) {
    one.source = text.substr(0, text.find_first_of(" \t;"));
    if (const std::size_t egg = text.find("#egg="); egg != std::string_view::npos)
      one.name = normal_package_name(text.substr(egg + 5, text.find_first_of("&[ \t;", egg + 5) - egg - 5));
  } else {
    std::size_t end = 0;
    while (end < text.size() && is_name_letter(text[end])) ++end;
    one.name = normal_package_name(text.substr(0, end));
    std::string_view rest = trimmed(text.substr(end));
    if (rest.starts_with('[')) rest = trimmed(rest.substr(std::min(rest.find(']'), rest.size() - 1) + 1));
    if (rest.starts_with('@'))
      one.source = trimmed(rest.substr(1)).substr(0, trimmed(rest.substr(1)).find_first_of(" \t;"));
    const std::string_view version = rest.substr(0, rest.find_first_of(";#"));
    one.pinned = version.starts_with("==") && !has(version, "*");
  }
  if (const std::size_t at = one.source.rfind('@'); one.source.starts_with("git+") && at != std::string::npos)
    one.pinned = one.hashed = is_commit(std::string_view(one.source).substr(at + 1, 40));
  if (!one.name.empty() || !one.source.empty()) out.requirements.push_back(std::move(one));
}

std::string_view option_value(std::string_view line, std::string_view option) {
  std::string_view rest = trimmed(line.substr(option.size()));
  if (rest.starts_with('=')) rest = trimmed(rest.substr(1));
  return rest.substr(0, rest.find_first_of(" \t"));
}

void read_pip_line(std::string_view line, std::size_t number, Requirements& out) {
  for (const std::string_view option :
       {"--extra-index-url", "extra-index-url", "--find-links", "find-links"}) {
    if (line.starts_with(option)) {
      out.indexes.push_back(
          {.address = std::string(option_value(line, option)), .additional = true, .line = number});
      return;
    }
  }
  for (const std::string_view option : {"--index-url", "-i ", "index-url"}) {
    if (line.starts_with(option)) {
      out.indexes.push_back({.address = std::string(option_value(line, option)), .line = number});
      return;
    }
  }
  if (line.starts_with("--trusted-host") || line.starts_with("trusted-host")) out.untrusted.push_back(number);
  if (line.starts_with("--no-binary") || line.starts_with("no-binary")) out.source_builds.push_back(number);
  if (line.starts_with("--require-hashes") || line.starts_with("require-hashes")) out.hashes_required = true;
  if (line.starts_with("-e ")) return add_requirement(line.substr(3), number, out);
  if (line.starts_with('-') || line.starts_with('[') || line.starts_with('.') || line.starts_with('/'))
    return;
  add_requirement(line, number, out);
}

void read_pip(std::string_view text, bool settings, Requirements& out) {
  std::string pending;
  std::size_t first = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (const std::size_t comment = line.find(" #"); comment != std::string_view::npos)
      line = trimmed(line.substr(0, comment));
    if (line.starts_with('#')) line = {};
    const bool open = line.ends_with('\\');
    if (open) line = trimmed(line.substr(0, line.size() - 1));
    if (pending.empty()) first = number;
    pending += (pending.empty() ? "" : " ") + std::string(line);
    if (open) continue;
    const bool setting = settings && (has(pending, "index-url") || has(pending, "trusted-host") ||
                                      has(pending, "find-links") || has(pending, "no-binary"));
    if (!pending.empty() && (!settings || setting)) read_pip_line(pending, first, out);
    pending.clear();
  }
}

// The parts of pyproject.toml that name packages and indexes, table by table.
class Pyproject {
 public:
  explicit Pyproject(Requirements& out) : out_(out) {}

  void run(std::string_view text) {
    for (std::size_t number = 1; !text.empty(); ++number) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = trimmed(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      if (!line.empty() && !line.starts_with('#')) step(line, number);
    }
  }

 private:
  void step(std::string_view line, std::size_t number) {
    if (line.starts_with('[') && !in_list_) {
      table_ = lowered(line.substr(0, line.rfind(']') + 1));
      if (table_ == "[[tool.uv.index]]" || table_ == "[[tool.poetry.source]]") {
        out_.indexes.push_back({.additional = true, .line = number});
      }
      return;
    }
    if (in_list_) return item(line, number);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return;
    const std::string key = lowered(unquoted(line.substr(0, equals)));
    const std::string_view value = trimmed(line.substr(equals + 1));
    const bool dependencies =
        (table_ == "[project]" && key == "dependencies") || table_ == "[project.optional-dependencies]" ||
        table_ == "[dependency-groups]" || (table_ == "[build-system]" && key == "requires");
    if (dependencies && value.starts_with('[')) {
      in_list_ = true;
      return item(value.substr(1), number);
    }
    if (table_.starts_with("[tool.poetry") && has(table_, "dependencies]") && key != "python")
      poetry(key, value, number);
    if (table_.starts_with("[[tool.") && !out_.indexes.empty()) {
      PackageIndex& index = out_.indexes.back();
      if (key == "url") index.address = unquoted(value);
      const std::string low = lowered(unquoted(value));
      if ((key == "explicit" && low == "true") || (key == "priority" && low == "explicit"))
        index.bound = true;
      if ((key == "default" && low == "true") || (key == "priority" && low == "primary"))
        index.additional = false;
    }
    if (table_ == "[tool.uv]" && key == "extra-index-url")
      out_.indexes.push_back({std::string(value), true, false, number});
  }

  void item(std::string_view line, std::size_t number) {
    bool quoted = false;
    char quote = '\0';
    std::string text;
    for (const char c : line) {
      if (quoted) {
        if (c == quote) {
          add_requirement(text, number, out_);
          text.clear();
          quoted = false;
        } else {
          text += c;
        }
      } else if (c == '"' || c == '\'') {
        quoted = true;
        quote = c;
      } else if (c == ']') {
        in_list_ = false;
        return;
      } else if (c == '#') {
        return;
      }
    }
  }

  void poetry(const std::string& key, std::string_view value, std::size_t number) {
    Requirement one{.name = normal_package_name(key), .line = number};
    const std::string_view version = unquoted(value);
    one.pinned = !version.empty() && version[0] >= '0' && version[0] <= '9' && !has(version, "*") &&
                 !has(version, ",");
    if (has(value, "git =") || has(value, "git=") || has(value, "url =") || has(value, "url=")) {
      one.source = value;
      one.pinned = one.hashed = has(value, "rev");
    }
    out_.requirements.push_back(std::move(one));
  }

  Requirements& out_;
  std::string table_;
  bool in_list_ = false;
};

void read_npm_dependencies(const Json& section, Requirements& out) {
  if (!section.is_object()) return;
  for (const auto& [name, version] : section.items()) {
    if (!version.is_string() || out.requirements.size() > limits::kPackagesMax) continue;
    const std::string text = version.get<std::string>();
    Requirement one{.name = lowered(name)};
    one.pinned = !text.empty() && text[0] >= '0' && text[0] <= '9' && !has(text, "x") && !has(text, " ");
    const bool elsewhere = has(text, "://") || text.starts_with("github:") || text.starts_with("git+");
    if (elsewhere) {
      one.source = text;
      one.pinned = one.hashed =
          has(text, "#") && is_commit(std::string_view(text).substr(text.find('#') + 1));
    }
    out.requirements.push_back(std::move(one));
  }
}

Result<void> read_npm(std::string_view text, Requirements& out) {
  out.ecosystem = Requirements::Ecosystem::kNpm;
  const Json root = TRY(parse_json(text));
  if (!root.is_object()) return invalid("npm: not an object");
  for (const char* section : {"dependencies", "devDependencies", "optionalDependencies"}) {
    if (root.contains(section)) read_npm_dependencies(root[section], out);
  }
  if (root.contains("scripts") && root["scripts"].is_object()) {
    for (const auto& [name, command] : root["scripts"].items()) {
      const bool hook =
          name == "preinstall" || name == "install" || name == "postinstall" || name == "prepare";
      if (hook && command.is_string()) out.hooks.emplace_back(0, name + ": " + command.get<std::string>());
    }
  }
  return {};
}

// What npm installs, of lock versions 2 and 3.
Result<void> read_npm_lock(std::string_view text, Requirements& out) {
  out.ecosystem = Requirements::Ecosystem::kNpm;
  const Json root = TRY(parse_json(text));
  if (!root.is_object() || !root.contains("packages") || !root["packages"].is_object()) return {};
  for (const auto& [path, package] : root["packages"].items()) {
    constexpr std::string_view kFolder = "node_modules/";
    const std::size_t at = path.rfind(kFolder);
    if (at == std::string::npos || !package.is_object() || package.contains("link")) continue;
    Requirement one{.name = lowered(std::string_view(path).substr(at + kFolder.size())), .pinned = true};
    one.hashed = package.contains("integrity") || package.contains("inBundle");
    if (package.contains("resolved") && package["resolved"].is_string()) one.source = package["resolved"];
    out.requirements.push_back(std::move(one));
  }
  return {};
}

void read_npmrc(std::string_view text, Requirements& out) {
  out.ecosystem = Requirements::Ecosystem::kNpm;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || line.starts_with('#') || line.starts_with(';')) continue;
    const std::string_view key = trimmed(line.substr(0, equals));
    const std::string_view value = trimmed(line.substr(equals + 1));
    if (key == "registry" || key.ends_with(":registry"))
      out.indexes.push_back({.address = std::string(value), .bound = key != "registry", .line = number});
    if (key == "strict-ssl" && value == "false") out.untrusted.push_back(number);
  }
}

Result<void> read_conda(std::string_view text, Requirements& out) {
  const YamlTree tree = TRY(read_yaml_tree(text));
  for (const YamlView& document : tree.documents()) {
    for (const YamlView& dependency : document.find("dependencies").children()) {
      for (const YamlView& line : dependency.find("pip").each()) read_pip_line(line.text(), line.line(), out);
    }
  }
  return {};
}

}  // namespace

bool is_requirements_file(std::string_view path) {
  const std::string name = lowered(file_name(path));
  const bool pip = (name.starts_with("requirements") || name.starts_with("constraints") ||
                    name.ends_with("requirements.txt")) &&
                   (name.ends_with(".txt") || name.ends_with(".in"));
  const bool folder = has(path, "requirements/") && name.ends_with(".txt");
  constexpr std::array<std::string_view, 9> kNames{"pip.conf",        "pip.ini",           "pyproject.toml",
                                                   "environment.yml", "environment.yaml",  "conda.yaml",
                                                   "package.json",    "package-lock.json", ".npmrc"};
  return pip || folder || std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Result<Requirements> read_requirements(std::string_view path, std::string_view text) {
  const std::string name = lowered(file_name(path));
  Requirements out;
  if (text.size() > limits::kInfraTextBytesMax) {
    return fail(ErrorKind::kLimit,
                "requirements: more than " + std::to_string(limits::kInfraTextBytesMax) + " bytes");
  }
  if (name == "package.json") {
    TRY(read_npm(text, out));
  } else if (name == "package-lock.json") {
    TRY(read_npm_lock(text, out));
  } else if (name == ".npmrc") {
    read_npmrc(text, out);
  } else if (name == "pyproject.toml") {
    Pyproject(out).run(text);
  } else if (name.ends_with(".yml") || name.ends_with(".yaml")) {
    TRY(read_conda(text, out));
  } else {
    read_pip(text, name == "pip.conf" || name == "pip.ini", out);
  }
  if (out.requirements.size() > limits::kPackagesMax) {
    return fail(ErrorKind::kLimit,
                "requirements: more than " + std::to_string(limits::kPackagesMax) + " packages");
  }
  return out;
}

std::string normal_package_name(std::string_view name) {
  std::string out;
  for (const char c : lowered(trimmed(name))) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (!separator) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  return out;
}

bool are_one_edit_apart(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > 1) return false;
  std::size_t same = 0;
  while (same < a.size() && a[same] == b[same]) ++same;
  if (a.size() != b.size()) return a.substr(same) == b.substr(same + 1);
  if (same == a.size()) return false;
  if (a.substr(same + 1) == b.substr(same + 1)) return true;
  return same + 1 < a.size() && a[same] == b[same + 1] && a[same + 1] == b[same] &&
         a.substr(same + 2) == b.substr(same + 2);
}

namespace {

const std::set<std::string, std::less<>>& known_packages() {
  static const std::set<std::string, std::less<>> kKnown = [] {
    std::set<std::string, std::less<>> out;
    const auto add = [&](std::string_view words) {
      while (!words.empty()) {
        const std::size_t end = std::min(words.find(' '), words.size());
        out.emplace(words.substr(0, end));
        words.remove_prefix(std::min(end + 1, words.size()));
      }
    };
#define KNOWN(words) add(words);
#include "formats/known_packages.def"
#undef KNOWN
    return out;
  }();
  return kKnown;
}

std::string without_dashes(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c != '-') out += c;
  }
  return out;
}

// Short names have too many neighbours to tell a lookalike from a name of its own.
bool is_mistakable(std::string_view name, std::string_view other) {
  constexpr std::size_t kNameMin = 5;
  if (other.size() < kNameMin || name == other) return false;
  return are_one_edit_apart(name, other) || (name != other && without_dashes(name) == without_dashes(other));
}

}  // namespace

bool is_known_package(std::string_view name) { return known_packages().contains(name); }

std::string looks_like(std::string_view name, const std::vector<std::string>& pinned) {
  if (is_known_package(name)) return {};
  for (const std::string& other : known_packages()) {
    if (is_mistakable(name, other)) return other;
  }
  for (const std::string& other : pinned) {
    if (is_mistakable(name, other)) return other;
  }
  return {};
}

}  // namespace sallyport::formats
