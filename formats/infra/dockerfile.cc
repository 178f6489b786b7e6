// The recipe of an image, instruction by instruction (Dockerfile reference, as of BuildKit 1.7).
#include <array>
#include <map>
#include <optional>
#include <set>

#include "formats/infra/infra.h"
#include "formats/infra/text.h"

namespace sallyport::formats::infra {
namespace {

struct Instruction {
  std::string name = {};  // in capitals
  std::string rest = {};
  std::size_t line = 0;
};

std::string capitals(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

// Here-documents belong to their instruction: RUN <<EOF ... EOF.
std::vector<Instruction> instructions_of(std::string_view text) {
  std::vector<Instruction> out;
  std::string until;
  for (const Line& line : logical_lines(text, 1)) {
    if (!until.empty()) {
      if (line.text == until) {
        until.clear();
      } else if (!out.empty()) {
        out.back().rest += "\n" + line.text;
      }
      continue;
    }
    if (line.text.empty() || line.text.starts_with('#')) continue;
    const std::size_t end = std::min(line.text.find_first_of(" \t"), line.text.size());
    out.push_back({capitals(std::string_view(line.text).substr(0, end)),
                   std::string(trimmed(std::string_view(line.text).substr(end))), line.number});
    const std::string& rest = out.back().rest;
    const std::size_t here = rest.find("<<");
    if (out.back().name != "RUN" || here == std::string::npos) continue;
    std::string_view mark = std::string_view(rest).substr(here + 2);
    if (mark.starts_with('-')) mark.remove_prefix(1);
    mark = mark.substr(0, mark.find_first_of(" \t;|&>\n"));
    if (mark.size() > 2 && (mark.front() == '"' || mark.front() == '\''))
      mark = mark.substr(1, mark.size() - 2);
    if (!mark.empty() && mark.front() != '<') until = mark;
  }
  return out;
}

class Recipe {
 public:
  explicit Recipe(Remarks& out) : out_(out) {}

  void run(std::string_view text) {
    for (const Instruction& instruction : instructions_of(text)) step(instruction);
    if (!has_base_) return;
    if (user_.empty() || user_ == "root" || user_ == "0" || user_.starts_with("0:") ||
        user_.starts_with("root:")) {
      out_.add("image-runs-as-root", Severity::kMedium, user_line_ == 0 ? base_line_ : user_line_,
               "the image's process is root in its container",
               "add a USER that owns nothing but what it needs");
    }
  }

 private:
  void step(const Instruction& it) {
    if (it.name == "FROM") return from(it);
    if (it.name == "USER") {
      user_ = trimmed(it.rest);
      user_line_ = it.line;
    }
    if (it.name == "ADD") add(it);
    if (it.name == "ENV" || it.name == "ARG") setting(it);
    if (it.name == "RUN") run_command(it);
    if (it.name == "CMD" || it.name == "ENTRYPOINT" || it.name == "HEALTHCHECK") command(it);
    if (it.name == "VOLUME" && has(it.rest, "docker.sock")) {
      out_.add("docker-socket", Severity::kHigh, it.line,
               "the image is given the host's Docker socket, which is root",
               "let a builder without the daemon do it");
    }
    if (it.name == "EXPOSE") expose(it);
  }

  void from(const Instruction& it) {
    has_base_ = true;
    base_line_ = it.line;
    user_.clear();
    user_line_ = 0;
    std::string image;
    const std::vector<std::string> words = words_of(it.rest);
    for (const std::string& word : words) {
      if (!word.starts_with("--")) {
        image = word;
        break;
      }
    }
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
      if (lowered(words[i]) == "as") stages_.insert(words[i + 1]);
    }
    if (image.empty() || image == "scratch" || stages_.contains(image) || has(image, "$")) return;
    if (pin_of_image(image) == ImagePin::kMoving) {
      out_.add("image-tag-moves", Severity::kLow, it.line,
               "the base image is whatever its name means on that day",
               "name it by its digest: image:tag@sha256:...");
    }
  }

  void add(const Instruction& it) {
    const bool remote = has(it.rest, "http://") || has(it.rest, "https://");
    if (remote && !has(it.rest, "--checksum=")) {
      out_.add("add-without-checksum", Severity::kMedium, it.line,
               "what is fetched into the image is not compared with anything", "add --checksum=sha256:...");
    }
  }

  void setting(const Instruction& it) {
    // ENV name value, and ENV a=b c=d; ARG name=default.
    std::vector<std::string> words = words_of(it.rest);
    if (words.empty()) return;
    if (it.name == "ENV" && !has(words[0], "=") && words.size() >= 2) {
      words = {words[0] + "=" + std::string(trimmed(std::string_view(it.rest).substr(words[0].size())))};
    }
    for (const std::string& word : words) {
      const std::size_t equals = word.find('=');
      if (equals == std::string::npos) continue;
      const std::string name = word.substr(0, equals);
      const std::string value = word.substr(equals + 1);
      const bool secret = is_secret_setting(name, value) ||
                          (is_default_password(value) && is_secret_setting(name, "not-a-default-9"));
      if (secret) {
        out_.add("secret-in-image", Severity::kHigh, it.line,
                 it.name + " " + name + " puts a secret into the image, where everyone who pulls it reads it",
                 "mount it while building: RUN --mount=type=secret");
      }
    }
    if (has(it.rest, "JUPYTER_TOKEN=\"\"") || has(it.rest, "JUPYTER_TOKEN=''")) {
      out_.add("jupyter-without-token", Severity::kHigh, it.line,
               "a Jupyter server without a token runs what anyone types", "leave the token on");
    }
  }

  void run_command(const Instruction& it) {
    if (has(it.rest, "--security=insecure")) {
      out_.add("build-step-privileged", Severity::kHigh, it.line,
               "a step of the build runs without confinement", "take --security=insecure away");
    }
    if (has(it.rest, "chmod 777") || has(it.rest, "chmod -R 777") || has(it.rest, "chmod a+rwx")) {
      out_.add("world-writable", Severity::kLow, it.line, "files of the image are made writable by everyone",
               "give them to the user that needs them");
    }
    if (has(it.rest, "sudo ")) {
      out_.add("sudo-in-image", Severity::kLow, it.line, "sudo in an image gives root to whoever runs in it",
               "change USER around the step");
    }
    inspect_commands(it.rest, it.line, out_);
  }

  void command(const Instruction& it) {
    std::string text = it.rest;
    // The form of a list: ["jupyter", "lab", "--ip=0.0.0.0"].
    if (text.starts_with('[')) {
      std::string plain;
      for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '[' || c == ']' || c == '"') continue;
        plain += c == ',' ? ' ' : c;
      }
      text = plain;
      while (has(text, "  ")) text.replace(text.find("  "), 2, " ");
    }
    inspect_commands(text, it.line, out_);
  }

  void expose(const Instruction& it) {
    for (const std::string& word : words_of(it.rest)) {
      if (word == "22" || word == "22/tcp") {
        out_.add("ssh-in-image", Severity::kLow, it.line, "the image offers a shell over SSH",
                 "use the orchestrator's exec");
      }
    }
  }

  Remarks& out_;
  std::set<std::string, std::less<>> stages_;
  std::string user_;
  std::size_t user_line_ = 0;
  std::size_t base_line_ = 0;
  bool has_base_ = false;
};

}  // namespace

void inspect_dockerfile(std::string_view text, Remarks& out) { Recipe(out).run(text); }

}  // namespace sallyport::formats::infra
