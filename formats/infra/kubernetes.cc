// Manifests of Kubernetes and of what is built on it: pods that leave their container, roles without bounds,
// servers for everyone (Pod Security Standards; NSA and CISA Kubernetes Hardening Guide 1.2).
#include <array>

#include "formats/infra/infra.h"
#include "formats/infra/text.h"

namespace sallyport::formats::infra {
namespace {

bool lists(const YamlView& list, std::string_view word) {
  for (const YamlView& item : list.each()) {
    if (item.text() == word) return true;
  }
  return false;
}

class Manifest {
 public:
  explicit Manifest(Remarks& out) : out_(out) {}

  void run(const YamlView& document) {
    const std::string_view kind = document.find("kind").text();
    if (kind == "List") {
      for (const YamlView& item : document.find("items").children()) judge(item);
      return;
    }
    judge(document);
  }

 private:
  void judge(const YamlView& document) {
    const std::string_view kind = document.find("kind").text();
    if (kind == "ClusterRole" || kind == "Role") return judge_role(document);
    if (kind == "ClusterRoleBinding" || kind == "RoleBinding") return judge_binding(document);
    if (kind == "Service") return judge_service(document);
    if (kind == "Secret") return judge_secret(document);
    if (kind == "ConfigMap") return judge_config(document);
    find_pods(document);
  }

  // Pods stand at many depths: a deployment's template, a job's within a cron job's, a cluster's groups.
  void find_pods(const YamlView& document) {
    std::vector<YamlView> open{document};
    while (!open.empty()) {
      const YamlView view = open.back();
      open.pop_back();
      if (view.find("containers").is_list()) judge_pod(view);
      if (view.key() == "rayStartParams") judge_ray(view);
      // Templates of Argo name one container, or a script.
      for (const std::string_view name : {"container", "script"}) {
        if (!view.find(name).find("image")) continue;
        judge_container(view.find(name));
        judge_escalation(view.find(name));
      }
      for (const YamlView& child : view.children()) {
        if (!child.is_scalar()) open.push_back(child);
      }
    }
  }

  void judge_ray(const YamlView& parameters) {
    if (parameters.find("dashboard-host").text() == "0.0.0.0") {
      out_.add("server-without-authentication", Severity::kHigh, parameters.find("dashboard-host").line(),
               "a Ray dashboard, which runs what anyone submits, is open to the cluster's network",
               "keep it on 127.0.0.1, or set a network policy and token authentication");
    }
  }

  void judge_pod(const YamlView& pod) {
    for (const std::string_view name : {"hostNetwork", "hostPID", "hostIPC"}) {
      if (!pod.find(name).is_true()) continue;
      out_.add("pod-shares-host", Severity::kHigh, pod.find(name).line(),
               "the pod is in the host's own namespace: " + std::string(name), "take it away");
    }
    for (const YamlView& volume : pod.find("volumes").children()) {
      const YamlView path = volume.find("hostPath").find("path");
      if (!path) continue;
      const std::string_view text = path.text();
      const bool grave = text == "/" || has(text, "docker.sock") || has(text, "containerd.sock") ||
                         text.starts_with("/etc") || text.starts_with("/proc") || text.starts_with("/sys") ||
                         text.starts_with("/var/run") || text.starts_with("/var/lib/kubelet") ||
                         text.starts_with("/root");
      out_.add("pod-mounts-host", grave ? Severity::kHigh : Severity::kMedium, path.line(),
               "the pod mounts a folder of the host: " + std::string(text.substr(0, 60)),
               "use a volume claim, an empty folder or a configuration map");
    }
    const bool windows = pod.find("os").find("name").text() == "windows";
    bool takes_the_pods_user = false;
    for (const std::string_view name : {"containers", "initContainers", "ephemeralContainers"}) {
      for (const YamlView& container : pod.find(name).children()) {
        judge_container(container);
        takes_the_pods_user |= !container.find("securityContext").find("runAsUser");
        if (windows) continue;
        judge_escalation(container);
        if (name == "containers") judge_user(container, pod.find("securityContext"));
      }
    }
    const YamlView user = pod.find("securityContext").find("runAsUser");
    if (takes_the_pods_user && user.text() == "0") {
      out_.add("pod-runs-as-root", Severity::kMedium, user.line(), "the pod's processes are root",
               "set runAsNonRoot: true");
    }
  }

  // What a container says itself stands before what its pod says.
  void judge_user(const YamlView& container, const YamlView& pod_context) {
    const YamlView context = container.find("securityContext");
    const auto setting = [&](std::string_view name) {
      return context.find(name) ? context.find(name) : pod_context.find(name);
    };
    if (setting("runAsNonRoot").is_true()) return;
    const YamlView user = setting("runAsUser");
    if (user && user.text() != "0") return;
    out_.add("pod-may-be-root", Severity::kLow, container.line(),
             "nothing keeps the container's process from being root", "set runAsNonRoot: true");
  }

  // A process may gain privileges unless the container says that it may not.
  void judge_escalation(const YamlView& container) {
    const YamlView allowed = container.find("securityContext").find("allowPrivilegeEscalation");
    if (allowed.is_true()) {
      out_.add("pod-escalates", Severity::kMedium, allowed.line(),
               "the container's processes may become more than they are",
               "set allowPrivilegeEscalation: false");
    } else if (!allowed) {
      out_.add("pod-escalates", Severity::kLow, container.line(),
               "nothing keeps the container's processes from becoming more than they are",
               "set allowPrivilegeEscalation: false");
    }
  }

  void judge_container(const YamlView& container) {
    const YamlView context = container.find("securityContext");
    if (context.find("privileged").is_true()) {
      out_.add("pod-privileged", Severity::kCritical, context.find("privileged").line(),
               "a privileged container is root on its host",
               "give it the one capability or device that it needs");
    }
    if (context.find("runAsUser").text() == "0") {
      out_.add("pod-runs-as-root", Severity::kMedium, context.find("runAsUser").line(),
               "the container's process is root", "set runAsNonRoot: true");
    }
    for (const YamlView& capability : context.find("capabilities").find("add").each()) {
      constexpr std::array<std::string_view, 9> kGrave{"ALL",        "SYS_ADMIN", "SYS_PTRACE",
                                                       "SYS_MODULE", "NET_ADMIN", "DAC_READ_SEARCH",
                                                       "SYS_RAWIO",  "BPF",       "NET_RAW"};
      std::string_view name = capability.text();
      if (name.starts_with("CAP_")) name.remove_prefix(4);
      if (std::find(kGrave.begin(), kGrave.end(), name) == kGrave.end()) continue;
      out_.add("pod-capability", Severity::kHigh, capability.line(),
               "the capability " + std::string(name) + " leads out of the container",
               "drop ALL and add what is needed");
    }
    for (const YamlView& variable : container.find("env").children()) {
      const YamlView value = variable.find("value");
      const std::string_view name = variable.find("name").text();
      const bool secret = is_secret_setting(name, value.text()) ||
                          (is_default_password(value.text()) && is_secret_setting(name, "not-a-default-9"));
      if (value && secret) {
        out_.add("secret-in-manifest", Severity::kHigh, value.line(),
                 std::string(name) + " stands in the manifest in the clear",
                 "take it from a secret: valueFrom.secretKeyRef");
      }
    }
    judge_image(container.find("image"));
    std::string command;
    for (const std::string_view name : {"command", "args"}) {
      for (const YamlView& word : container.find(name).each()) {
        command += (command.empty() ? "" : " ") + std::string(word.text());
        if (has(word.text(), "\n")) inspect_commands(word.text(), word.line(), out_);
      }
    }
    const YamlView at = container.find("args") ? container.find("args") : container.find("command");
    if (!has(command, "\n")) inspect_commands(command, at.line(), out_);
  }

  void judge_image(const YamlView& image) {
    if (!image || image.text().empty() || has(image.text(), "{{") || has(image.text(), "$")) return;
    if (pin_of_image(image.text()) == ImagePin::kMoving) {
      out_.add("image-tag-moves", Severity::kLow, image.line(),
               "the image is whatever its name means on that day", "name it by its digest");
    }
  }

  void judge_role(const YamlView& role) {
    for (const YamlView& rule : role.find("rules").children()) {
      const bool verbs = lists(rule.find("verbs"), "*");
      const bool resources = lists(rule.find("resources"), "*");
      if (verbs && resources) {
        out_.add("role-without-bounds", Severity::kHigh, rule.line(),
                 "the role may do everything to everything", "list the verbs and resources that are used");
      } else if (resources || verbs) {
        out_.add(
            "role-without-bounds", Severity::kMedium, rule.line(),
            resources ? "the role reaches every resource" : "the role may do everything to some resources",
            "list the verbs and resources that are used");
      }
      if (lists(rule.find("verbs"), "escalate") || lists(rule.find("verbs"), "impersonate") ||
          lists(rule.find("verbs"), "bind")) {
        out_.add("role-escalates", Severity::kHigh, rule.line(), "the role can give itself any other",
                 "take the verb away");
      }
      const bool reads = lists(rule.find("verbs"), "list") || lists(rule.find("verbs"), "watch");
      if (reads && lists(rule.find("resources"), "secrets")) {
        out_.add("role-reads-secrets", Severity::kMedium, rule.line(), "the role reads every secret there is",
                 "name the secrets with resourceNames, and get alone");
      }
    }
  }

  void judge_binding(const YamlView& binding) {
    const bool admin = binding.find("roleRef").find("name").text() == "cluster-admin";
    for (const YamlView& subject : binding.find("subjects").children()) {
      const std::string_view name = subject.find("name").text();
      if (name == "system:anonymous" || name == "system:unauthenticated") {
        out_.add("role-for-everyone", Severity::kCritical, subject.line(),
                 "callers whom nobody knows are given a role", "take the subject away");
      } else if (name == "system:authenticated" || name == "system:serviceaccounts") {
        out_.add("role-for-everyone", Severity::kHigh, subject.line(),
                 "everyone in the cluster is given a role", "name the accounts");
      } else if (admin) {
        out_.add("cluster-admin", Severity::kHigh, subject.line(),
                 std::string(name.substr(0, 60)) + " may do everything in the cluster",
                 "bind a role of its own");
      } else if (name == "default" && subject.find("kind").text() == "ServiceAccount") {
        out_.add("role-for-default-account", Severity::kMedium, subject.line(),
                 "every pod that names no account of its own gets this role", "make an account for it");
      }
    }
  }

  void judge_service(const YamlView& service) {
    const YamlView spec = service.find("spec");
    const std::string_view type = spec.find("type").text();
    if (type != "LoadBalancer" && type != "NodePort") return;
    if (spec.find("loadBalancerSourceRanges")) return;
    constexpr std::array<std::string_view, 14> kPorts{"8265",  "10001", "6379", "5000", "8888",
                                                      "8080",  "2746",  "8786", "8787", "9000",
                                                      "27017", "9200",  "7070", "8081"};
    for (const YamlView& port : spec.find("ports").children()) {
      const std::string_view number =
          port.find("targetPort") ? port.find("targetPort").text() : port.find("port").text();
      if (std::find(kPorts.begin(), kPorts.end(), number) == kPorts.end()) continue;
      out_.add("service-open-to-outside", Severity::kHigh, port.line(),
               "port " + std::string(number) +
                   ", where trackers, clusters and notebooks listen, is open to the outside",
               "make it a ClusterIP behind an authenticating ingress");
    }
  }

  void judge_secret(const YamlView& secret) {
    for (const std::string_view part : {"data", "stringData"}) {
      for (const YamlView& member : secret.find(part).children()) {
        constexpr std::size_t kValueMin = 6;
        if (member.text().size() < kValueMin || has(member.text(), "{{") || has(member.text(), "$")) continue;
        out_.add("secret-in-manifest", Severity::kMedium, member.line(),
                 std::string(member.key()) + " of a Secret stands in the repository; base64 hides nothing",
                 "seal it (SOPS, sealed secrets) or fetch it from a vault");
      }
    }
  }

  void judge_config(const YamlView& config) {
    for (const YamlView& member : config.find("data").children()) {
      if (has(member.text(), "\n")) {
        inspect_commands(member.text(), member.line() + 1, out_);
        inspect_properties(member.text(), out_);
      }
    }
  }

  Remarks& out_;
};

}  // namespace

void inspect_kubernetes(const YamlView& document, Remarks& out) { Manifest(out).run(document); }

}  // namespace sallyport::formats::infra
