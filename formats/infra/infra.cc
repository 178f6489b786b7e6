#include "formats/infra/infra.h"

#include <array>

#include "core/limits/repository.h"
#include "formats/infra/text.h"
#include "formats/secrets.h"

namespace sallyport::formats::infra {
namespace {

bool is_yaml_name(std::string_view name) { return name.ends_with(".yml") || name.ends_with(".yaml"); }

void inspect_document(const YamlView& document, Remarks& out) {
  if (document.find("apiVersion") && document.find("kind")) return inspect_kubernetes(document, out);
  if (document.find("services").is_map()) inspect_compose(document, out);
}

// Most YAML is neither; reading it is what takes long. A key may be spelt with escapes.
bool may_be_manifest(std::string_view text) {
  return has(text, "apiVersion") || has(text, "services") || has(text, "\\");
}

}  // namespace

FileKind kind_of(std::string_view path) {
  const std::string name = lowered(file_name(path));
  if (is_yaml_name(name)) {
    if (has(path, ".github/workflows/") || name == "action.yml" || name == "action.yaml") {
      return FileKind::kGithubWorkflow;
    }
    return has(name, "gitlab-ci") ? FileKind::kGitlabPipeline : FileKind::kYaml;
  }
  if (name == "dockerfile" || name == "containerfile" || name.starts_with("dockerfile.") ||
      name.ends_with(".dockerfile")) {
    return FileKind::kDockerfile;
  }
  if (name.ends_with(".properties")) return FileKind::kProperties;
  constexpr std::array<std::string_view, 8> kShell{".sh",      ".bash", ".env",  ".cfg",
                                                   ".service", ".conf", ".toml", ".ini"};
  if (name == "procfile" || name == "makefile" || name.starts_with("jupyter_") ||
      name == "webserver_config.py")
    return FileKind::kShell;
  const bool shell =
      std::any_of(kShell.begin(), kShell.end(), [&](auto ending) { return name.ends_with(ending); });
  return shell ? FileKind::kShell : FileKind::kNone;
}

void Remarks::add(std::string_view rule, Severity severity, std::size_t line, std::string message,
                  std::string_view remedy) {
  if (all_.size() >= limits::kInfraRemarksMax) return;
  const bool known = std::any_of(all_.begin(), all_.end(), [&](const Remark& other) {
    return other.rule == rule && other.line == line && other.message == message;
  });
  if (known) return;
  all_.push_back({.rule = std::string(rule),
                  .severity = severity,
                  .line = line,
                  .message = std::move(message),
                  .remedy = std::string(remedy)});
}

Result<std::vector<Remark>> inspect_file(FileKind kind, std::string_view text) {
  Remarks out;
  if (text.size() > limits::kInfraTextBytesMax) {
    return fail(ErrorKind::kLimit, "more than " + std::to_string(limits::kInfraTextBytesMax) + " bytes");
  }
  switch (kind) {
    case FileKind::kNone: break;
    case FileKind::kDockerfile: inspect_dockerfile(text, out); break;
    case FileKind::kProperties: inspect_properties(text, out); break;
    case FileKind::kShell:
      inspect_commands(text, 1, out);
      inspect_properties(text, out);
      break;
    case FileKind::kYaml:
      if (!may_be_manifest(text)) break;
      [[fallthrough]];
    case FileKind::kGithubWorkflow:
    case FileKind::kGitlabPipeline: {
      const YamlTree tree = TRY(read_yaml_tree(text));
      for (const YamlView& document : tree.documents()) {
        if (kind == FileKind::kGithubWorkflow) inspect_github_workflow(document, out);
        if (kind == FileKind::kGitlabPipeline) inspect_gitlab_pipeline(document, out);
        if (kind == FileKind::kYaml) inspect_document(document, out);
      }
      break;
    }
  }
  return out.take();
}

bool is_default_password(std::string_view value) {
  constexpr std::array<std::string_view, 16> kValues{
      "admin",  "password", "minioadmin", "minio123", "postgres", "airflow", "root",  "mysql",
      "mlflow", "guest",    "changeme",   "rabbitmq", "redis",    "test",    "12345", "123456"};
  return std::find(kValues.begin(), kValues.end(), lowered(value)) != kValues.end();
}

bool is_secret_setting(std::string_view name, std::string_view value) {
  const std::string low = lowered(name);
  constexpr std::array<std::string_view, 7> kWords{"password", "passwd", "secret",     "token",
                                                   "api_key",  "apikey", "private_key"};
  const bool secret = std::any_of(kWords.begin(), kWords.end(), [&](auto word) { return has(low, word); });
  constexpr std::size_t kValueMin = 6;
  if (!secret || value.size() < kValueMin || low.ends_with("_file") || low.ends_with("_path")) return false;
  if (has(low, "secret_name") || has(low, "secretname") || has(low, "tokenizer") || has(low, "max_token"))
    return false;
  // What is taken from elsewhere when it is built or started, and what only names a place.
  if (has(value, "$") || has(value, "{{") || has(value, "://") || value.starts_with('/')) return false;
  return !is_placeholder(value);
}

ImagePin pin_of_image(std::string_view image) {
  if (has(image, "@sha256:")) return ImagePin::kDigest;
  const std::size_t colon = image.rfind(':');
  const std::size_t slash = image.rfind('/');
  if (colon == std::string_view::npos || (slash != std::string_view::npos && colon < slash))
    return ImagePin::kMoving;
  const std::string_view tag = image.substr(colon + 1);
  return tag == "latest" || tag == "main" || tag == "master" || tag == "nightly" ? ImagePin::kMoving
                                                                                 : ImagePin::kTag;
}

std::vector<Line> logical_lines(std::string_view text, std::size_t first) {
  std::vector<Line> out;
  bool goes_on = false;
  for (std::size_t number = first; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool ends_open = line.ends_with('\\') || line.ends_with('`');
    if (ends_open) line.remove_suffix(1);
    // A comment within a continued command belongs to nobody.
    if (goes_on && line.starts_with('#')) continue;
    if (goes_on) {
      out.back().text += ' ';
      out.back().text += line;
    } else {
      out.push_back({std::string(line), number});
    }
    goes_on = ends_open || line.ends_with('|') || line.ends_with("&&");
  }
  return out;
}

std::vector<std::string> words_of(std::string_view command) {
  std::vector<std::string> out;
  std::string word;
  bool open = false;
  char quote = '\0';
  for (const char c : command) {
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      open = true;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (open) out.push_back(std::move(word));
      word.clear();
      open = false;
    } else {
      word += c;
      open = true;
    }
  }
  if (open) out.push_back(std::move(word));
  return out;
}

}  // namespace sallyport::formats::infra
