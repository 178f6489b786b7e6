#include "formats/recon.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/text.h"

namespace sallyport::formats {
namespace {

constexpr std::size_t kTracesMax = 200;
constexpr std::size_t kShownMax = 80;

template <std::size_t N>
bool ends_with_any(std::string_view text, const std::array<std::string_view, N>& endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return text.ends_with(ending); });
}
template <std::size_t N>
bool has_any(std::string_view text, const std::array<std::string_view, N>& parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return has(text, part); });
}

enum class Reading { kNone, kWhole, kCode };

Reading reading_of(std::string_view path) {
  const std::string low = lowered(path);
  const std::string_view name = std::string_view(low).substr(low.rfind('/') + 1);
  constexpr std::array<std::string_view, 9> kPeople{"authors",    "contributors", "maintainers",
                                                    "codeowners", "license",      "licence",
                                                    "notice",     "copying",      "changelog"};
  if (has_any(name, kPeople)) return Reading::kNone;
  constexpr std::array<std::string_view, 8> kWritten{".lock", "-lock.json", ".svg", ".min.js",
                                                     ".map",  ".sum",       ".csv", ".tsv"};
  if (ends_with_any(name, kWritten)) return Reading::kNone;
  constexpr std::array<std::string_view, 17> kCode{".py",   ".c",  ".cc", ".cpp", ".h",    ".hpp",
                                                   ".java", ".js", ".ts", ".go",  ".rs",   ".rb",
                                                   ".r",    ".jl", ".kt", ".cs",  ".scala"};
  return ends_with_any(name, kCode) ? Reading::kCode : Reading::kWhole;
}

// What a byte is to a token: no part of it, a part, or one without which a token names no place.
enum class Part : std::uint8_t { kNone, kPart, kMark };
constexpr std::array<Part, 256> kParts = [] {
  std::array<Part, 256> out{};
  for (const char c :
       std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/-+%~"))
    out[static_cast<unsigned char>(c)] = Part::kPart;
  for (const char c : std::string_view(".:@")) out[static_cast<unsigned char>(c)] = Part::kMark;
  return out;
}();
Part part_of(char c) { return kParts[static_cast<unsigned char>(c)]; }

// The four numbers of an address, as one.
std::optional<std::uint32_t> address_of(std::string_view host) {
  std::uint32_t out = 0;
  for (int part = 0; part < 4; ++part) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(host.data(), host.data() + host.size(), value);
    const auto length = static_cast<std::size_t>(end - host.data());
    if (error != std::errc() || value > 255 || length == 0 || length > 3) return std::nullopt;
    out = out << 8 | value;
    host.remove_prefix(length);
    if (part == 3) return host.empty() ? std::optional(out) : std::nullopt;
    if (!host.starts_with('.')) return std::nullopt;
    host.remove_prefix(1);
  }
  return std::nullopt;
}

bool is_private_address(std::string_view token) {
  const std::optional<std::uint32_t> address = address_of(host_of(token));
  if (!address) return false;
  const std::uint32_t a = *address >> 24;
  const std::uint32_t b = *address >> 16 & 0xFF;
  if (a != 10 && !(a == 172 && b >= 16 && b < 32) && !(a == 192 && b == 168)) return false;
  // A whole network, and the addresses that every router, virtual machine and container has.
  const std::uint32_t last = *address & 0xFF;
  const bool network = last == 0 || last == 255;
  constexpr std::array<std::uint32_t, 6> kDefaults{0xC0A80001, 0xC0A80101, 0x0A000001,
                                                   0xAC110001, 0x0A000202, 0xC0A86401};
  return !network && std::find(kDefaults.begin(), kDefaults.end(), *address) == kDefaults.end();
}

bool is_internal_host(std::string_view token) {
  const std::string host = lowered(host_of(token));
  constexpr std::array<std::string_view, 9> kDomains{
      ".internal", ".corp", ".lan", ".intranet", ".intra", ".priv", ".local", ".localnet", ".home.arpa"};
  constexpr std::array<std::string_view, 6> kKnown{"docker.internal", "google.internal",    "cluster.local",
                                                   "localhost.local", "kubernetes.default", "example.local"};
  if (!ends_with_any(host, kDomains) || has_any(host, kKnown)) return false;
  if (host.starts_with('.') || host.starts_with('-') || has(host, "..") || has(host, "_")) return false;
  // "package.internal" is a module; a host has a scheme, a port, a user, a path, or a name like a machine's.
  const std::string_view name = std::string_view(host).substr(0, host.rfind('.'));
  const bool machine = has(name, "-") || has(name, ".") || std::any_of(name.begin(), name.end(), is_digit);
  return machine || has(token, "://") || has(token, "@") || has(token, ":") || has(token, "/");
}

bool is_example_name(std::string_view name) {
  const std::string low = lowered(name);
  constexpr std::array<std::string_view, 12> kWords{"example",     "your",        "my-",    "mybucket",
                                                    "bucket-name", "placeholder", "sample", "foo",
                                                    "test",        "<",           "xxx",    "dummy"};
  constexpr std::array<std::string_view, 5> kWhole{"bucket", "path", "data", "some-bucket", "key"};
  return low.empty() || has_any(low, kWords) || std::find(kWhole.begin(), kWhole.end(), low) != kWhole.end();
}

bool is_bucket(std::string_view token) {
  constexpr std::array<std::string_view, 6> kSchemes{"s3://",    "s3a://",   "gs://",
                                                     "abfss://", "wasbs://", "hdfs://"};
  for (const std::string_view scheme : kSchemes) {
    if (!token.starts_with(scheme)) continue;
    const std::string_view rest = token.substr(scheme.size());
    const std::string_view name = rest.substr(0, rest.find_first_of("/@:"));
    return name.size() >= 3 && !is_example_name(name);
  }
  const std::string host = lowered(host_of(token));
  constexpr std::array<std::string_view, 4> kStores{".s3.amazonaws.com", ".blob.core.windows.net",
                                                    ".dfs.core.windows.net", ".storage.googleapis.com"};
  return ends_with_any(host, kStores) && !is_example_name(host.substr(0, host.find('.')));
}

bool is_registry(std::string_view token) {
  const std::string host = lowered(host_of(token));
  if (has(host, ".dkr.ecr.") && is_digit(host[0])) return !host.starts_with("123456789012");
  return (host.ends_with(".azurecr.io") || host.ends_with("-docker.pkg.dev")) && !is_example_name(host) &&
         has(token, "/");
}

bool is_account(std::string_view token) {
  if (!token.starts_with("arn:aws")) return false;
  constexpr std::array<std::string_view, 5> kExamples{"123456789012", "000000000000", "111122223333",
                                                      "111111111111", "999999999999"};
  std::size_t run = 0;
  for (std::size_t i = 0; i <= token.size(); ++i) {
    if (i < token.size() && is_digit(token[i])) {
      ++run;
      continue;
    }
    if (run == 12) return !has_any(token, kExamples);
    run = 0;
  }
  return false;
}

bool is_person(std::string_view token, std::string_view line) {
  const std::size_t at = token.find('@');
  if (at == 0 || at == std::string_view::npos || has(token, "/") || has(token, ":") ||
      token.find('@', at + 1) != std::string_view::npos) {
    return false;
  }
  const std::string name = lowered(token.substr(0, at));
  const std::string domain = lowered(token.substr(at + 1));
  const std::size_t dot = domain.rfind('.');
  if (dot == std::string::npos || dot == 0 || domain.size() - dot < 3) return false;
  if (std::any_of(domain.begin() + static_cast<std::ptrdiff_t>(dot), domain.end(), is_digit)) return false;
  constexpr std::array<std::string_view, 9> kNobody{"noreply", "no-reply", "example", "user",   "name",
                                                    "you",     "git",      "support", "someone"};
  constexpr std::array<std::string_view, 7> kDomains{"example.",  ".example",       ".invalid",  ".test",
                                                     "localhost", "users.noreply.", "domain.com"};
  if (has_any(name, kNobody) || has_any(domain, kDomains) || name == "info" || name == "contact")
    return false;
  constexpr std::array<std::string_view, 9> kSigned{"copyright", "author",      "maintainer",
                                                    "licen",     "signed-off",  "reviewed",
                                                    "(c)",       "co-authored", "mailto:"};
  return !has_any(lowered(line), kSigned);
}

// Whether a place of a line of code is in a comment or in quotes.
bool is_prose(std::string_view line, std::size_t at) {
  char quote = '\0';
  for (std::size_t i = 0; i < at; ++i) {
    const char c = line[i];
    if (quote != '\0') {
      if (c == '\\') {
        ++i;
      } else if (c == quote) {
        quote = '\0';
      }
    } else if (c == '"' || c == '\'' || c == '`') {
      quote = c;
    } else if (c == '#' || (c == '/' && i + 1 < line.size() && (line[i + 1] == '/' || line[i + 1] == '*'))) {
      return true;
    }
  }
  const std::size_t first = line.find_first_not_of(" \t");
  return quote != '\0' || (first != std::string_view::npos && line[first] == '*');
}

struct Kind {
  std::string_view rule;
  std::string_view what;
};

std::optional<Kind> kind_of(std::string_view token, std::string_view line) {
  if (is_bucket(token)) return Kind{"bucket", "a bucket"};
  if (is_registry(token)) return Kind{"registry", "a private registry"};
  if (is_private_address(token)) return Kind{"private-address", "an address of a private network"};
  if (is_internal_host(token)) return Kind{"internal-host", "a host of an internal domain"};
  if (is_account(token)) return Kind{"cloud-account", "the number of a cloud account"};
  if (is_person(token, line)) return Kind{"staff-address", "the address of a person"};
  return std::nullopt;
}

}  // namespace

std::string_view host_of(std::string_view token) {
  if (const std::size_t scheme = token.find("://"); scheme != std::string_view::npos)
    token.remove_prefix(scheme + 3);
  token = token.substr(0, token.find_first_of("/?#"));
  if (const std::size_t at = token.rfind('@'); at != std::string_view::npos) token.remove_prefix(at + 1);
  return token.substr(0, token.find(':'));
}

std::vector<Trace> find_traces(std::string_view path, std::string_view text) {
  std::vector<Trace> out;
  const Reading reading = reading_of(path);
  constexpr std::size_t kHead = 8000;
  if (reading == Reading::kNone || text.substr(0, kHead).find('\0') != std::string_view::npos) return out;
  constexpr std::size_t kLineMax = 10'000;  // a longer one was written by no person
  for (std::size_t number = 1; !text.empty() && out.size() < kTracesMax; ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.size() > kLineMax) continue;
    for (std::size_t at = 0; at < line.size();) {
      if (part_of(line[at]) == Part::kNone) {
        ++at;
        continue;
      }
      const std::size_t begin = at;
      bool marked = false;
      for (; at < line.size() && part_of(line[at]) != Part::kNone; ++at)
        marked = marked || part_of(line[at]) == Part::kMark;
      // Every host has a dot, every bucket and account a colon, every person an at.
      if (!marked) continue;
      std::string_view token = line.substr(begin, at - begin);
      while (!token.empty() && std::string_view(".:/-").find(token.back()) != std::string_view::npos)
        token.remove_suffix(1);
      // A version's four numbers are no address.
      if (address_of(token) && has(lowered(line), "version")) continue;
      const std::optional<Kind> kind = kind_of(token, line);
      if (!kind || (reading == Reading::kCode && !is_prose(line, begin))) continue;
      out.push_back({kind->rule, kind->what, number, std::string(token.substr(0, kShownMax))});
    }
  }
  return out;
}

}  // namespace sallyport::formats
