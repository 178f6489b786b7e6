#include "formats/locked_packages.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/json.h"
#include "core/limits/repository.h"
#include "core/text.h"
#include "formats/requirements.h"
#include "formats/yaml_tree.h"

namespace sallyport::formats {
namespace {

using Packages = std::vector<LockedPackage>;

// Line by line, numbered from 1, without the blanks at the end.
template <class OnLine>
void each_line(std::string_view text, const OnLine& on_line) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t'))
      line.remove_suffix(1);
    on_line(line, number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string_view without_quotes(std::string_view text) {
  text = trimmed(text);
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front())
    return text.substr(1, text.size() - 2);
  return text;
}

// "name[extra]==1.0 ; marker --hash=...": one version, nothing vague.
void read_requirement_lines(std::string_view text, Packages& out) {
  each_line(text, [&](std::string_view line, std::size_t number) {
    line = trimmed(line);
    const std::size_t equals = line.find("==");
    if (equals == std::string_view::npos || line.starts_with('#') || line.starts_with('-')) return;
    std::string_view name = trimmed(line.substr(0, equals));
    name = trimmed(name.substr(0, name.find('[')));
    if (name.find_first_of(" <>=!~;@,") != std::string_view::npos) return;
    std::string_view version = line.substr(equals + 2);
    if (version.starts_with('=')) version.remove_prefix(1);
    version = trimmed(version);
    version = version.substr(0, version.find_first_of(" ;,\\#\t"));
    if (version.empty() || has(version, "*")) return;
    out.push_back({"PyPI", normal_package_name(name), std::string(version), number});
  });
}

// poetry.lock, uv.lock, pdm.lock: tables [[package]] with name and version.
void read_toml_lock(std::string_view text, Packages& out) {
  bool in_package = false;
  LockedPackage one;
  const auto keep = [&] {
    if (in_package && !one.name.empty() && !one.version.empty()) out.push_back(one);
    one = {.ecosystem = "PyPI"};
  };
  each_line(text, [&](std::string_view line, std::size_t number) {
    if (line.starts_with('[')) {
      // Tables below a package's own name belong to it still.
      if (!line.starts_with("[[package]]") && line.starts_with("[package.")) return;
      keep();
      in_package = line == "[[package]]";
      one.line = number;
      return;
    }
    const std::size_t equals = line.find('=');
    if (!in_package || equals == std::string_view::npos || line.starts_with(' ')) return;
    const std::string_view key = trimmed(line.substr(0, equals));
    if (key == "name" && one.name.empty())
      one.name = normal_package_name(without_quotes(line.substr(equals + 1)));
    if (key == "version" && one.version.empty()) one.version = without_quotes(line.substr(equals + 1));
  });
  keep();
}

Result<void> read_pipfile_lock(std::string_view text, Packages& out) {
  const Json root = TRY(parse_json(text));
  if (!root.is_object()) return invalid("Pipfile.lock: not an object");
  for (const char* section : {"default", "develop"}) {
    if (!root.contains(section) || !root[section].is_object()) continue;
    for (const auto& [name, package] : root[section].items()) {
      if (!package.is_object() || !package.contains("version") || !package["version"].is_string()) continue;
      std::string version = package["version"];
      version.erase(0, std::min(version.find_first_not_of("= "), version.size()));
      out.push_back({"PyPI", normal_package_name(name), version, 0});
    }
  }
  return {};
}

Result<void> read_package_lock(std::string_view text, Packages& out) {
  const Json root = TRY(parse_json(text));
  if (!root.is_object()) return invalid("package-lock.json: not an object");
  const auto add = [&](std::string name, const Json& package) {
    if (package.is_object() && package.contains("version") && package["version"].is_string())
      out.push_back({"npm", lowered(name), package["version"], 0});
  };
  if (root.contains("packages") && root["packages"].is_object()) {
    constexpr std::string_view kFolder = "node_modules/";
    for (const auto& [path, package] : root["packages"].items()) {
      const std::size_t at = path.rfind(kFolder);
      if (at != std::string::npos) add(path.substr(at + kFolder.size()), package);
    }
  } else if (root.contains("dependencies") && root["dependencies"].is_object()) {
    // Version 1 nests them; a stack of our own, since files choose the depth.
    std::vector<const Json*> open{&root["dependencies"]};
    while (!open.empty() && out.size() <= limits::kPackagesMax) {
      const Json& level = *open.back();
      open.pop_back();
      for (const auto& [name, package] : level.items()) {
        add(name, package);
        if (package.is_object() && package.contains("dependencies") && package["dependencies"].is_object())
          open.push_back(&package["dependencies"]);
      }
    }
  }
  return {};
}

// yarn: `"name@range", name@other:` with `version "1.0"` or `version: 1.0` below it.
void read_yarn_lock(std::string_view text, Packages& out) {
  std::string name;
  each_line(text, [&](std::string_view line, std::size_t number) {
    if (line.empty() || line.starts_with('#')) return;
    if (!line.starts_with(' ')) {
      std::string_view first = line.substr(0, line.find(','));
      first = without_quotes(first.ends_with(':') ? first.substr(0, first.size() - 1) : first);
      if (first.starts_with('"')) first.remove_prefix(1);
      name = lowered(first.substr(0, first.find('@', 1)));
      return;
    }
    const std::string_view inner = trimmed(line);
    if (name.empty() || !line.starts_with("  ") || line.starts_with("    ") || !inner.starts_with("version"))
      return;
    std::string_view version = inner.substr(7);
    if (version.starts_with(':')) version.remove_prefix(1);
    out.push_back({"npm", name, std::string(without_quotes(version)), number});
    name.clear();
  });
}

// Conda: "name=1.0=build" is another channel's; what pip adds there is PyPI's.
Result<void> read_conda_pins(std::string_view text, Packages& out) {
  const YamlTree tree = TRY(read_yaml_tree(text));
  for (const YamlView& document : tree.documents()) {
    for (const YamlView& dependency : document.find("dependencies").children()) {
      for (const YamlView& line : dependency.find("pip").each()) {
        Packages found;
        read_requirement_lines(line.text(), found);
        for (LockedPackage& one : found) {
          one.line = line.line();
          out.push_back(std::move(one));
        }
      }
      const std::string_view pin = dependency.text();
      const std::size_t equals = pin.find('=');
      if (!dependency.is_scalar() || equals == std::string_view::npos) continue;
      std::string_view version = pin.substr(std::min(pin.find_first_not_of('=', equals), pin.size()));
      version = version.substr(0, version.find('='));
      std::string_view name = pin.substr(0, equals);
      if (name.find("::") != std::string_view::npos) name = name.substr(name.find("::") + 2);
      // Most of what Conda packages of Python has the name that it has on PyPI.
      if (!version.empty() && !has(version, "*"))
        out.push_back({"PyPI", normal_package_name(name), std::string(version), dependency.line()});
    }
  }
  return {};
}

std::string member_of_release(std::string_view release, std::string_view key) {
  std::string out;
  each_line(release, [&](std::string_view line, std::size_t) {
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == '=')
      out = without_quotes(line.substr(key.size() + 1));
  });
  return out;
}

// "Debian:12", "Ubuntu:22.04", "Alpine:v3.19": without the release any of the distribution's.
std::string ecosystem_of(std::string_view release, std::string_view otherwise) {
  const std::string id = member_of_release(release, "ID"), version = member_of_release(release, "VERSION_ID");
  if (id == "ubuntu") return "Ubuntu:" + version;
  if (id == "alpine") {
    const std::size_t dot = version.find('.', version.find('.') + 1);
    return "Alpine:v" + version.substr(0, dot);
  }
  if (id == "debian" && !version.empty()) return "Debian:" + version;
  return std::string(otherwise);
}

// Paragraphs of "Name: value"; `keys` are package, source and version, and of those installed alone.
void read_paragraphs(std::string_view text, std::array<std::string_view, 3> keys,
                     const std::string& ecosystem, Packages& out) {
  LockedPackage one{.ecosystem = ecosystem};
  std::string source;
  bool installed = true;
  const auto keep = [&] {
    if (!source.empty()) one.name = source;
    if (installed && !one.name.empty() && !one.version.empty()) out.push_back(one);
    one = {.ecosystem = ecosystem};
    source.clear();
    installed = true;
  };
  each_line(text, [&](std::string_view line, std::size_t number) {
    if (line.empty()) return keep();
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || line.starts_with(' ')) return;
    const std::string_view key = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
    if (key == keys[0]) {
      one.name = value;
      one.line = number;
    } else if (key == keys[1]) {
      source = value.substr(0, value.find(" ("));
    } else if (key == keys[2]) {
      one.version = value;
    } else if (key == "Status") {
      installed = value.ends_with(" installed");
    }
  });
  keep();
}

void read_metadata(std::string_view text, Packages& out) {
  Packages found;
  read_paragraphs(text.substr(0, text.find("\n\n")), {"Name", "-", "Version"}, "PyPI", found);
  for (LockedPackage& one : found) {
    one.name = normal_package_name(one.name);
    out.push_back(std::move(one));
  }
}

struct Banner {
  std::string_view before;
  std::string_view name;
};
// What these libraries write into every program that they are linked into, with the version behind it.
constexpr std::array<Banner, 9> kBanners{{{"OpenSSL ", "openssl"},
                                          {"deflate ", "zlib"},
                                          {"libcurl/", "curl"},
                                          {"libpng version ", "libpng"},
                                          {"XZ Utils ", "xz"},
                                          {"libxml2-", "libxml2"},
                                          {"libwebp ", "libwebp"},
                                          {"protobuf-", "protobuf"},
                                          {"OpenBLAS ", "openblas"}}};

}  // namespace

bool is_lock_file(std::string_view path) {
  const std::string name = lowered(file_name(path));
  constexpr std::array<std::string_view, 9> kNames{
      "poetry.lock",         "uv.lock",         "pdm.lock",
      "pipfile.lock",        "yarn.lock",       "package-lock.json",
      "npm-shrinkwrap.json", "environment.yml", "environment.yaml"};
  if (std::ranges::find(kNames, name) != kNames.end() || name == "conda.yaml" || name == "conda.yml")
    return true;
  if (path.ends_with("var/lib/dpkg/status") || path.ends_with("lib/apk/db/installed")) return true;
  if (has(path, "var/lib/dpkg/status.d/") && !name.ends_with(".md5sums")) return true;
  if (path.ends_with(".dist-info/METADATA") || path.ends_with(".egg-info/PKG-INFO")) return true;
  return is_requirements_file(path) && (name.ends_with(".txt") || name.ends_with(".in"));
}

bool is_program(BytesView bytes) {
  return as_text(bytes).starts_with(
      "\x7F"
      "ELF");
}

Result<std::vector<LockedPackage>> read_locked_packages(std::string_view path, std::string_view text,
                                                        std::string_view release) {
  if (text.size() > 4 * limits::kInfraTextBytesMax) return fail(ErrorKind::kLimit, "lock file: too large");
  const std::string name = lowered(file_name(path));
  Packages out;
  if (name == "poetry.lock" || name == "uv.lock" || name == "pdm.lock") {
    read_toml_lock(text, out);
  } else if (name == "pipfile.lock") {
    TRY(read_pipfile_lock(text, out));
  } else if (name == "package-lock.json" || name == "npm-shrinkwrap.json") {
    TRY(read_package_lock(text, out));
  } else if (name == "yarn.lock") {
    read_yarn_lock(text, out);
  } else if (name.ends_with(".yml") || name.ends_with(".yaml")) {
    TRY(read_conda_pins(text, out));
  } else if (has(path, "lib/dpkg/status")) {
    read_paragraphs(text, {"Package", "Source", "Version"}, ecosystem_of(release, "Debian"), out);
  } else if (path.ends_with("lib/apk/db/installed")) {
    read_paragraphs(text, {"P", "o", "V"}, ecosystem_of(release, "Alpine"), out);
  } else if (name == "metadata" || name == "pkg-info") {
    read_metadata(text, out);
  } else {
    read_requirement_lines(text, out);
  }
  std::erase_if(out, [](const LockedPackage& one) { return one.name.empty() || one.version.empty(); });
  if (out.size() > limits::kPackagesMax)
    return fail(ErrorKind::kLimit,
                "lock file: more than " + std::to_string(limits::kPackagesMax) + " packages");
  return out;
}

std::vector<LockedPackage> read_banners(BytesView program) {
  const std::string_view text = as_text(program);
  Packages out;
  for (const Banner& banner : kBanners) {
    for (std::size_t at = text.find(banner.before); at != std::string_view::npos;
         at = text.find(banner.before, at + 1)) {
      const std::string_view rest = text.substr(at + banner.before.size(), 32);
      const std::string_view version =
          rest.substr(0, rest.find_first_not_of("0123456789.abcdefghijklmnopqrstuvwxyz-"));
      const bool is_version = !version.empty() && version[0] >= '0' && version[0] <= '9' && has(version, ".");
      const bool known = std::ranges::any_of(
          out, [&](const LockedPackage& one) { return one.name == banner.name && one.version == version; });
      if (is_version && !known && out.size() < 100)
        out.push_back({.name = std::string(banner.name), .version = std::string(version)});
    }
  }
  return out;
}

std::string package_url(const LockedPackage& package) {
  const std::string_view ecosystem =
      std::string_view(package.ecosystem).substr(0, package.ecosystem.find(':'));
  const std::string tail = package.name + "@" + package.version;
  if (ecosystem == "PyPI") return "pkg:pypi/" + tail;
  if (ecosystem == "npm") return "pkg:npm/" + (tail.starts_with('@') ? "%40" + tail.substr(1) : tail);
  if (ecosystem == "Debian" || ecosystem == "Ubuntu") return "pkg:deb/" + lowered(ecosystem) + "/" + tail;
  if (ecosystem == "Alpine") return "pkg:apk/alpine/" + tail;
  return "pkg:generic/" + tail;
}

}  // namespace sallyport::formats
