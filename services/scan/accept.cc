#include "services/scan/accept.h"

#include <algorithm>
#include <map>

#include "formats/allowed_line.h"
#include "formats/secrets.h"
#include "formats/utf8.h"

namespace sallyport::services::scan {
namespace {

constexpr std::size_t kBaselineBytesMax = 64 * limits::kMiB;

// Where each line begins; line 1 is the first.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    for (std::size_t at = 0; at < text.size(); at = std::min(text.find('\n', at), text.size()) + 1)
      begins_.push_back(at);
  }
  std::size_t count() const { return begins_.size(); }
  std::size_t begin(std::size_t number) const { return begins_[number - 1]; }
  std::string_view line(std::size_t number) const {
    if (number < 1 || number > begins_.size()) return {};
    const std::string_view rest = text_.substr(begins_[number - 1]);
    const std::string_view line = rest.substr(0, rest.find('\n'));
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> begins_;
};

// The text with a star for each byte of a credential; of a private key, to the end of its block.
std::string without_credentials(std::string_view text) {
  std::string out(text);
  const auto found = formats::find_secrets(text);
  if (!found) return {};
  for (const formats::Secret& secret : *found) {
    std::size_t end = std::min(secret.offset + secret.length, text.size());
    if (secret.rule->check == formats::SecretCheck::kPem)
      end = std::max(end, std::min(text.find("-----END", end), text.size()));
    for (std::size_t i = secret.offset; i < end; ++i) {
      if (out[i] != '\n') out[i] = '*';
    }
  }
  return out;
}

std::vector<std::string> frame_of(const Lines& lines, std::size_t number) {
  constexpr std::size_t kWidth = 160;
  std::vector<std::string> out;
  const std::size_t last = std::min(number + 1, lines.count());
  for (std::size_t n = std::max<std::size_t>(number, 2) - 1; n <= last; ++n) {
    std::string digits = std::to_string(n);
    digits.insert(0, std::string(std::to_string(last).size() - digits.size(), ' '));
    const std::string_view line = lines.line(n);
    out.push_back((n == number ? "> " : "  ") + digits + " | " + formats::printable(line.substr(0, kWidth)));
  }
  return out;
}

}  // namespace

void set_fingerprints(ScannedFile& file) {
  std::map<std::string, std::vector<ScannedFinding*>> alike;
  for (ScannedFinding& found : file.findings) {
    std::string key(found.guard->id);
    for (const std::string& part : {found.finding.rule, file.of_repository ? file.path : file.sha256,
                                    file.commit, found.finding.message}) {
      key += '\0';
      key += part;
    }
    alike[key].push_back(&found);
  }
  for (auto& [key, several] : alike) {
    std::ranges::stable_sort(several, [](const ScannedFinding* a, const ScannedFinding* b) {
      return std::pair(a->finding.where.line, a->finding.where.offset) <
             std::pair(b->finding.where.line, b->finding.where.offset);
    });
    for (std::size_t i = 0; i < several.size(); ++i)
      several[i]->fingerprint = sha256(key + '\0' + std::to_string(i)).hex();
  }
}

Json to_baseline(const ScanReport& report) {
  std::map<std::string, Json> all;
  for (const ScannedFile& file : report.files) {
    for (const ScannedFinding& found : file.findings) {
      if (found.waived && found.accepted != "baseline") continue;
      const std::string rule = found.finding.rule.empty() ? std::string(found.guard->id) : found.finding.rule;
      all[found.fingerprint] = {{"fingerprint", found.fingerprint}, {"rule", rule}, {"path", file.path}};
    }
  }
  Json findings = Json::array();
  for (auto& [fingerprint, finding] : all) findings.push_back(std::move(finding));
  return {{"version", 1}, {"findings", std::move(findings)}};
}

Result<std::set<std::string>> read_baseline(Env& env, const fs::path& path) {
  const Bytes bytes = TRY(env.read_file(path, kBaselineBytesMax));
  const auto read = [&]() -> Result<std::set<std::string>> {
    const Json root = TRY(parse_json(as_text(bytes)));
    TRY(only_members(root, {"version", "findings"}));
    if (TRY(get_int(root, "version")) != 1) return invalid("a baseline of another version");
    std::set<std::string> out;
    for (const Json& item : TRY(get_array(root, "findings"))) {
      TRY(only_members(item, {"fingerprint", "rule", "path"}));
      out.insert(TRY(Digest::parse(TRY(get_string(item, "fingerprint")))).hex());
    }
    return out;
  };
  auto out = read();
  if (!out) return within(path.string(), out.error());
  return out;
}

void accept_baseline(ScannedFile& file, const std::set<std::string>& fingerprints) {
  for (ScannedFinding& found : file.findings) {
    if (found.waived || !fingerprints.contains(found.fingerprint)) continue;
    found.waived = true;
    found.accepted = "baseline";
  }
}

bool may_allow(std::string_view text) { return text.find("sallyport: allow,") != std::string_view::npos; }

void accept_allowed_lines(ScannedFile& file, std::string_view text) {
  if (file.findings.empty() || !may_allow(text)) return;
  const Lines lines(text);
  for (ScannedFinding& found : file.findings) {
    if (found.waived || !found.finding.where.line) continue;
    const std::string_view reason = formats::allowed_reason(lines.line(*found.finding.where.line));
    if (reason.empty()) continue;
    found.waived = true;
    found.accepted = "its line: " + formats::printable(reason);
  }
}

void set_frames(ScannedFile& file, std::string_view text) {
  constexpr std::size_t kFramesAKind = 3;
  std::map<std::pair<const Guard*, std::string>, std::size_t> shown;
  const bool any = std::ranges::any_of(
      file.findings, [](const ScannedFinding& found) { return found.finding.where.line.has_value(); });
  if (!any) return;
  const std::string safe = without_credentials(text);
  const Lines lines(safe);
  for (ScannedFinding& found : file.findings) {
    const auto line = found.finding.where.line;
    if (!line || *line < 1 || *line > lines.count()) continue;
    if (shown[{found.guard, found.finding.rule}]++ < kFramesAKind) found.frame = frame_of(lines, *line);
  }
}

}  // namespace sallyport::services::scan
