// Compose files, and the properties of servers of models.
#include <array>

#include "formats/infra/infra.h"
#include "formats/infra/text.h"

namespace sallyport::formats::infra {
namespace {

struct Setting {
  std::string name = {};
  std::string value = {};
  std::size_t line = 0;
};

// environment: {A: b}, and environment: ["A=b"].
std::vector<Setting> settings_of(const YamlView& environment) {
  std::vector<Setting> out;
  for (const YamlView& member : environment.children()) {
    if (environment.is_map()) {
      out.push_back({std::string(member.key()), std::string(member.text()), member.line()});
      continue;
    }
    const std::size_t equals = member.text().find('=');
    if (equals == std::string_view::npos) continue;
    out.push_back({std::string(member.text().substr(0, equals)),
                   std::string(member.text().substr(equals + 1)), member.line()});
  }
  return out;
}

// "8888:8888" and "0.0.0.0:5000:5000" are open to all, "127.0.0.1:5000:5000" is not.
bool is_published(std::string_view port) {
  return has(port, ":") && !port.starts_with("127.") && !port.starts_with("localhost") &&
         !port.starts_with("[::1]") && !has(port, "$");
}

std::string_view container_port(std::string_view port) {
  std::string_view last = port.substr(port.rfind(':') + 1);
  return last.substr(0, last.find('/'));
}

// Ports on which programs listen that ask nobody who they are.
struct OpenPort {
  std::string_view port;
  std::string_view what;
};
constexpr std::array<OpenPort, 14> kPorts{{{"8265", "a Ray dashboard"},
                                           {"10001", "a Ray client server"},
                                           {"5000", "an MLflow server or a registry"},
                                           {"8888", "a Jupyter server"},
                                           {"6006", "a TensorBoard"},
                                           {"6379", "a Redis or a Ray head"},
                                           {"27017", "a MongoDB"},
                                           {"9200", "an Elasticsearch"},
                                           {"2375", "a Docker daemon"},
                                           {"8786", "a Dask scheduler"},
                                           {"4200", "a Prefect server"},
                                           {"3000", "a Dagster server"},
                                           {"8081", "a TorchServe's management interface"},
                                           {"8001", "a Triton server's gRPC port"}}};

void judge_settings(const YamlView& service, Remarks& out) {
  for (const Setting& setting : settings_of(service.find("environment"))) {
    const std::string value = lowered(setting.value);
    const bool trusts = (setting.name == "POSTGRES_HOST_AUTH_METHOD" && value == "trust") ||
                        (setting.name == "MYSQL_ALLOW_EMPTY_PASSWORD" && value != "no" && value != "false") ||
                        (setting.name == "ALLOW_EMPTY_PASSWORD" && value == "yes") ||
                        (setting.name == "ALLOW_ANONYMOUS_LOGIN" && value == "yes") ||
                        (setting.name == "GF_AUTH_ANONYMOUS_ENABLED" && value == "true") ||
                        (setting.name == "xpack.security.enabled" && value == "false") ||
                        (setting.name == "AIRFLOW__WEBSERVER__EXPOSE_CONFIG" && value == "true") ||
                        (setting.name == "AIRFLOW__API__AUTH_BACKENDS" && has(value, "backend.default"));
    if (trusts) {
      out.add("server-without-authentication", Severity::kHigh, setting.line,
              setting.name + " lets everyone in", "set a password, and take it from a secret");
      continue;
    }
    if (is_default_password(setting.value) && is_secret_setting(setting.name, "not-a-default-9")) {
      out.add("default-credentials", Severity::kHigh, setting.line,
              setting.name + " is the password that everyone knows", "take one of its own from a secret");
    } else if (is_secret_setting(setting.name, setting.value)) {
      out.add("secret-in-manifest", Severity::kHigh, setting.line,
              setting.name + " stands in the file in the clear",
              "take it from secrets or from an env_file that is not committed");
    }
    if (setting.name == "JUPYTER_TOKEN" && setting.value.empty()) {
      out.add("jupyter-without-token", Severity::kHigh, setting.line,
              "a Jupyter server without a token runs what anyone types", "leave the token on");
    }
  }
}

void judge_ports(const YamlView& service, Remarks& out) {
  for (const YamlView& port : service.find("ports").children()) {
    const std::string_view text = port.is_map() ? port.find("target").text() : container_port(port.text());
    const std::string_view host = port.find("host_ip").text();
    if (port.is_map() ? host.starts_with("127.") : !is_published(port.text())) continue;
    for (const OpenPort& open : kPorts) {
      if (open.port != text) continue;
      out.add("service-open-to-outside", Severity::kHigh, port.line(),
              "port " + std::string(text) + ", " + std::string(open.what) +
                  ", is open on every address of the host",
              "publish it as 127.0.0.1:" + std::string(text) + ":" + std::string(text));
    }
  }
}

void judge_service(const YamlView& service, Remarks& out) {
  if (service.find("privileged").is_true()) {
    out.add("pod-privileged", Severity::kCritical, service.find("privileged").line(),
            "a privileged container is root on its host",
            "give it the one capability or device that it needs");
  }
  for (const std::string_view name : {"network_mode", "pid", "ipc"}) {
    if (service.find(name).text() == "host") {
      out.add("pod-shares-host", Severity::kHigh, service.find(name).line(),
              "the container is in the host's own namespace: " + std::string(name), "take it away");
    }
  }
  for (const YamlView& volume : service.find("volumes").children()) {
    const std::string_view source = volume.is_map() ? volume.find("source").text() : volume.text();
    if (has(source, "docker.sock")) {
      out.add("docker-socket", Severity::kHigh, volume.line(),
              "the container is given the host's Docker socket, which is root",
              "let a builder without the daemon do it");
    } else if (source == "/" || source.starts_with("/:") || source.starts_with("/etc:") ||
               source.starts_with("/proc:")) {
      out.add("pod-mounts-host", Severity::kHigh, volume.line(), "the container mounts the host's own files",
              "mount the one folder that it needs");
    }
  }
  for (const YamlView& capability : service.find("cap_add").each()) {
    if (capability.text() != "ALL" && !has(capability.text(), "SYS_ADMIN") &&
        !has(capability.text(), "SYS_PTRACE"))
      continue;
    out.add("pod-capability", Severity::kHigh, capability.line(),
            "the capability " + std::string(capability.text()) + " leads out of the container",
            "add what is needed alone");
  }
  for (const YamlView& option : service.find("security_opt").each()) {
    if (has(option.text(), "unconfined")) {
      out.add("pod-unconfined", Severity::kHigh, option.line(), "the container's confinement is turned off",
              "leave seccomp and AppArmor on");
    }
  }
  judge_ports(service, out);
  judge_settings(service, out);
  const YamlView image = service.find("image");
  if (image && !has(image.text(), "$") && pin_of_image(image.text()) == ImagePin::kMoving) {
    out.add("image-tag-moves", Severity::kLow, image.line(),
            "the image is whatever its name means on that day", "name it by its digest");
  }
  for (const std::string_view name : {"command", "entrypoint"}) {
    std::string command;
    for (const YamlView& word : service.find(name).each()) {
      command += (command.empty() ? "" : " ") + std::string(word.text());
    }
    inspect_commands(command, service.find(name).line(), out);
  }
}

}  // namespace

void inspect_compose(const YamlView& document, Remarks& out) {
  for (const YamlView& service : document.find("services").children()) judge_service(service, out);
}

// name=value, of TorchServe's config.properties and of settings like it.
void inspect_properties(std::string_view text, Remarks& out) {
  constexpr std::string_view kDo = "listen on 127.0.0.1, and let a proxy that authenticates stand in front";
  for (const Line& line : logical_lines(text, 1)) {
    const std::size_t equals = line.text.find('=');
    if (equals == std::string::npos || line.text.starts_with('#')) continue;
    const std::string name = lowered(trimmed(std::string_view(line.text).substr(0, equals)));
    const std::string value = lowered(trimmed(std::string_view(line.text).substr(equals + 1)));
    const bool address =
        name == "management_address" || name == "inference_address" || name == "metrics_address";
    if (address && (has(value, "0.0.0.0") || has(value, "[::]"))) {
      const bool management = name == "management_address";
      out.add(
          "server-without-authentication", management ? Severity::kHigh : Severity::kMedium, line.number,
          management ? "the interface that loads models is open to all" : "the model server is open to all",
          kDo);
    }
    if (name == "disable_token_authorization" && value == "true") {
      out.add("server-without-authentication", Severity::kHigh, line.number,
              "the model server's token is turned off", "leave it on");
    }
    if (name == "allowed_urls" && (value == "file://.*|http(s)?://.*" || has(value, "http(s)?://.*"))) {
      out.add("model-from-anywhere", Severity::kHigh, line.number, "the server loads models from any address",
              "list the one store that models come from");
    }
    if (name == "auth_role_public" && (has(value, "admin") || has(value, "op"))) {
      out.add("server-without-authentication", Severity::kHigh, line.number,
              "everyone is an administrator of Airflow", "take AUTH_ROLE_PUBLIC away");
    }
    if (name == "expose_config" && value == "true") {
      out.add("server-without-authentication", Severity::kMedium, line.number,
              "Airflow shows its configuration to users", "set expose_config = False");
    }
    if ((name == "auth_backends" || name == "auth_backend") && has(value, "backend.default")) {
      out.add("server-without-authentication", Severity::kHigh, line.number,
              "Airflow's interface lets everyone in",
              "use the backend of a password, of Kerberos or of OAuth");
    }
  }
}

}  // namespace sallyport::formats::infra
