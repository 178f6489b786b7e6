// Commands of a shell, wherever they stand: a workflow's step, an image's recipe, a script.
#include <array>

#include "formats/infra/infra.h"
#include "formats/infra/text.h"

namespace sallyport::formats::infra {
namespace {

// Pieces of a line between ; && || and |, with what stands in front of each.
struct Piece {
  std::string_view text = {};
  bool piped = false;  // its input is the output of the piece before
};

std::vector<Piece> pieces_of(std::string_view line) {
  std::vector<Piece> out;
  std::size_t begin = 0;
  bool piped = false;
  char quote = '\0';
  for (std::size_t i = 0; i <= line.size(); ++i) {
    const char c = i < line.size() ? line[i] : ';';
    if (quote != '\0' && i < line.size()) {
      if (c == quote) quote = '\0';
      continue;
    }
    if ((c == '"' || c == '\'') && i < line.size()) quote = c;
    if (c != ';' && c != '|' && c != '&') continue;
    if (const std::string_view piece = trimmed(line.substr(begin, i - begin)); !piece.empty()) {
      out.push_back({piece, piped});
    }
    const bool doubled = i + 1 < line.size() && line[i + 1] == c;
    piped = c == '|' && !doubled;
    if (doubled) ++i;
    begin = std::min(i + 1, line.size());
  }
  return out;
}

// The program of a command, behind sudo, env and assignments.
std::string program_of(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "sudo" || word == "env" || word == "exec" || word == "nohup" || word == "-E" ||
        word == "RUN" || word == "CMD" || word == "ENTRYPOINT" || word == "-" ||
        (has(word, "=") && !word.starts_with('-'))) {
      continue;
    }
    return std::string(file_name(word));
  }
  return {};
}

bool is_interpreter(std::string_view program) {
  constexpr std::array<std::string_view, 11> kNames{"sh",      "bash", "zsh",  "dash", "ksh",       "python",
                                                    "python3", "perl", "ruby", "node", "powershell"};
  return std::find(kNames.begin(), kNames.end(), program) != kNames.end();
}

bool is_download(std::string_view text) {
  return has(text, "curl ") || has(text, "wget ") || has(text, "Invoke-WebRequest") || has(text, "iwr ");
}

void judge_download(std::string_view line, std::size_t number, Remarks& out) {
  constexpr std::string_view kDo = "download it, compare its digest with one that was reviewed, then run it";
  bool downloaded = false;
  for (const Piece& piece : pieces_of(line)) {
    const std::vector<std::string> words = words_of(piece.text);
    if (piece.piped && downloaded && is_interpreter(program_of(words))) {
      out.add("curl-pipe-shell", Severity::kHigh, number,
              "what is downloaded is run without having been looked at", kDo);
    }
    downloaded = is_download(piece.text) || (piece.piped && downloaded);
  }
  for (const std::string_view form : {"<(curl", "<(wget", "$(curl", "$(wget", "`curl", "`wget"}) {
    const std::size_t at = line.find(form);
    if (at == std::string_view::npos) continue;
    const std::string before = lowered(line.substr(0, at));
    const bool runs = before.ends_with("bash ") || before.ends_with("sh ") || before.ends_with("eval ") ||
                      has(before, "sh -c ") || has(before, "bash -c ") || has(before, "eval \"") ||
                      before.ends_with("source ") || before.ends_with("python3 -c \"") ||
                      before.ends_with(". ");
    if (runs) {
      out.add("curl-pipe-shell", Severity::kHigh, number,
              "what is downloaded is run without having been looked at", kDo);
    }
  }
}

void judge_transport(std::string_view line, std::size_t number, Remarks& out) {
  const bool curl = has(line, "curl ") && (has(line, " -k ") || has(line, "--insecure"));
  const bool wget = has(line, "wget ") && has(line, "--no-check-certificate");
  const bool git = has(line, "http.sslVerify false") || has(line, "http.sslVerify=false") ||
                   has(line, "GIT_SSL_NO_VERIFY=1") || has(line, "GIT_SSL_NO_VERIFY=true");
  const bool node = has(line, "NODE_TLS_REJECT_UNAUTHORIZED=0") || has(line, "strict-ssl false") ||
                    has(line, "strict-ssl=false") || has(line, "PYTHONHTTPSVERIFY=0");
  if (curl || wget || git || node) {
    out.add("tls-not-verified", Severity::kMedium, number,
            "whoever is on the way may answer: certificates are not checked",
            "leave the check on, and install the certificate authority that is missing");
  }
}

void judge_packages(std::string_view line, std::size_t number, Remarks& out) {
  const bool pip = has(line, "pip install") || has(line, "pip3 install") || has(line, "uv pip") ||
                   has(line, "pip download") || has(line, "PIP_EXTRA_INDEX_URL") ||
                   has(line, "UV_EXTRA_INDEX_URL") || has(line, "extra-index-url");
  if (pip &&
      (has(line, "--extra-index-url") || has(line, "EXTRA_INDEX_URL") || has(line, "extra-index-url"))) {
    out.add("extra-index", Severity::kHigh, number,
            "packages come from two indexes: the public one may answer for a private name",
            "serve both from one index of your own, and lock the hashes");
  }
  if (pip && has(line, "--trusted-host")) {
    out.add("tls-not-verified", Severity::kMedium, number,
            "packages come from a host whose certificate is not checked", "give the index a certificate");
  }
  if ((pip || has(line, "npm ")) && (has(line, "index-url http://") || has(line, "index-url=http://") ||
                                     has(line, "--registry http://") || has(line, "--registry=http://"))) {
    out.add("tls-not-verified", Severity::kHigh, number, "packages come over plain HTTP", "use https");
  }
  if (has(line, "apt-get") && (has(line, "--allow-unauthenticated") || has(line, "--force-yes"))) {
    out.add("unsigned-packages", Severity::kHigh, number,
            "packages are installed whose signature does not hold", "install the key of the archive");
  }
}

struct Server {
  std::string_view program;  // how the command starts
  std::string_view open;     // a flag that opens it to all
  std::string_view locked;   // one that asks who it is; empty: there is none
  std::string_view what;
};

// Servers of the life cycle that ask nobody who they are unless they are told to.
constexpr Server kServers[] = {
    {"mlflow server", "0.0.0.0", "--app-name", "an MLflow server without authentication"},
    {"mlflow ui", "0.0.0.0", "--app-name", "an MLflow server without authentication"},
    {"mlflow models serve", "0.0.0.0", "", "a model server without authentication"},
    {"ray start", "0.0.0.0", "", "a Ray dashboard, which runs what anyone submits"},
    {"tensorboard", "--bind_all", "", "a TensorBoard without authentication"},
    {"tensorboard", "0.0.0.0", "", "a TensorBoard without authentication"},
    {"prefect server", "0.0.0.0", "", "a Prefect server without authentication"},
    {"dagster-webserver", "0.0.0.0", "", "a Dagster server without authentication"},
    {"dagit", "0.0.0.0", "", "a Dagster server without authentication"},
    {"dask scheduler", "0.0.0.0", "--tls", "a Dask scheduler, which runs what anyone submits"},
    {"dask-scheduler", "0.0.0.0", "--tls", "a Dask scheduler, which runs what anyone submits"},
    {"wandb server", "0.0.0.0", "", "a tracking server without authentication"},
    {"argo server", "--auth-mode=server", "", "an Argo server that lends everyone its own rights"},
    {"argo server", "--auth-mode server", "", "an Argo server that lends everyone its own rights"},
    {"tritonserver", "--model-control-mode=explicit", "--http-restricted-api",
     "a Triton server that loads the models it is told to, by anyone"},
    {"tritonserver", "0.0.0.0", "--http-restricted-api", "a Triton server open to all"},
    {"torchserve", "--disable-token-auth", "", "a TorchServe whose token is turned off"},
    {"vllm serve", "0.0.0.0", "--api-key", "a vLLM server without a key"},
    {"redis-server", "--protected-mode no", "--requirepass", "a Redis without a password"},
    {"mongod", "--bind_ip_all", "--auth", "a MongoDB without authentication"},
    {"dockerd", "tcp://0.0.0.0", "--tlsverify", "a Docker daemon for everyone, which is root on the host"},
    {"code-server", "--auth none", "", "an editor with a terminal for everyone"},
    {"code-server", "--auth=none", "", "an editor with a terminal for everyone"},
    {"kubernetes-dashboard", "--enable-skip-login", "", "a dashboard that lets everyone skip the login"},
    {"kube-apiserver", "--anonymous-auth=true", "", "a cluster that answers anonymous callers"},
    {"kube-apiserver", "AlwaysAllow", "", "a cluster that allows everyone everything"},
    {"streamlit run", "enableXsrfProtection=false", "",
     "an application without protection from forged requests"},
    {"label-studio", "--no-auth", "", "a labelling server without authentication"},
};

// What is behind the flag in this line: empty quotes, an empty word or nothing.
bool is_empty_setting(std::string_view line, std::string_view name) {
  for (std::size_t at = line.find(name); at != std::string_view::npos; at = line.find(name, at + 1)) {
    std::string_view rest = line.substr(at + name.size());
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '=')) rest.remove_prefix(1);
    if (rest.empty() || rest.starts_with("''") || rest.starts_with("\"\"") || rest.starts_with("u''") ||
        rest.starts_with("'',") || rest.starts_with("--") || rest.starts_with("' ") ||
        rest.starts_with("\" ") || rest == "'" || rest == "\"" || rest.starts_with("'\"") ||
        rest.starts_with("\",") || rest.starts_with("']")) {
      return true;
    }
  }
  return false;
}

void judge_servers(std::string_view line, std::size_t number, Remarks& out) {
  constexpr std::string_view kDo =
      "listen on 127.0.0.1 behind a proxy that authenticates, or turn authentication on";
  for (const Server& server : kServers) {
    if (!has(line, server.program) || !has(line, server.open)) continue;
    if (!server.locked.empty() && has(line, server.locked)) continue;
    out.add("server-without-authentication", Severity::kHigh, number,
            std::string(server.what) + " is open to all", kDo);
    break;
  }
  const bool jupyter = has(line, "jupyter") || has(line, "NotebookApp.") || has(line, "ServerApp.") ||
                       has(line, "IdentityProvider.");
  if (!jupyter) return;
  for (const std::string_view name : {"App.token", "IdentityProvider.token", "JUPYTER_TOKEN"}) {
    if (!is_empty_setting(line, name)) continue;
    out.add("jupyter-without-token", Severity::kHigh, number,
            "a Jupyter server without a token runs what anyone types",
            "leave the token on, or set a password's hash");
  }
  if (has(line, "disable_check_xsrf=True") || has(line, "disable_check_xsrf = True")) {
    out.add("jupyter-without-token", Severity::kMedium, number,
            "a Jupyter server takes requests that other pages forge", "leave the check on");
  }
}

}  // namespace

void inspect_commands(std::string_view text, std::size_t line, Remarks& out) {
  for (const Line& logical : logical_lines(text, line)) {
    if (logical.text.empty() || logical.text.starts_with('#')) continue;
    judge_download(logical.text, logical.number, out);
    judge_transport(logical.text, logical.number, out);
    judge_packages(logical.text, logical.number, out);
    judge_servers(logical.text, logical.number, out);
  }
}

}  // namespace sallyport::formats::infra
